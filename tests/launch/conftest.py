"""An API server with a template on it, and a client whose patience is short."""

from collections.abc import Iterator

import pytest

from reelmend.cluster.kubernetes.access import Access
from reelmend.cluster.kubernetes.api import RayJobs
from reelmend.cluster.kubernetes.launch import LaunchRequest
from tests.launch.api_server import ApiServer, serving
from tests.launch.templates import QUICK, TEMPLATE


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving() as running:
        running.put(TEMPLATE)
        yield running


@pytest.fixture
def rayjobs(server: ApiServer) -> RayJobs:
    return RayJobs(Access(server.url, "reelmend"), QUICK)


@pytest.fixture
def wish() -> LaunchRequest:
    return LaunchRequest("nightly", "nightly-20261203-0130", labels={}, on_cluster=None, keep=7)
