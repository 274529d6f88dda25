"""An API server with a template on it, and a client whose patience is short."""

import pytest
from api_server import serving
from templates import QUICK, TEMPLATE

from cluster.kubernetes.access import Access
from cluster.kubernetes.api import RayJobs
from cluster.kubernetes.launch import Wish


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
    return Wish("nightly", "nightly-20261203-0130", labels={}, on_cluster=None, keep=7)
