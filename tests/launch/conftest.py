"""An API server with a template on it, and a client whose patience is short."""

import pytest
from api_server import serving
from templates import QUICK, TEMPLATE

from reelmend.cluster.kubernetes.access import Access
from reelmend.cluster.kubernetes.api import RayJobs
from reelmend.cluster.kubernetes.launch import LaunchRequest


@pytest.fixture
def server():
    with serving() as running:
        running.put(TEMPLATE)
        yield running


@pytest.fixture
def rayjobs(server):
    return RayJobs(Access(server.url, "reelmend"), QUICK)


@pytest.fixture
def wish():
    return LaunchRequest("nightly", "nightly-20261203-0130", labels={}, on_cluster=None, keep=7)
