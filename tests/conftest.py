"""One small Ray cluster, and one object store, for the tests that need one, started when the first of them asks.

A test that lets a run start its own Ray does so in a process of its own: Ray keeps how a process proves who it is.
"""

import os
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.ray_cluster import ray_cluster
from tests.servers import CREDENTIALS, s3_server
from tests.shared_clusters import ORDER, RUNNING, share_of

# A suite started in the background of a script inherits an ignored Ctrl-C, and so would the runs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Pictures here are small: threads cost more than they bring, and beside Ray's processes many times as much.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray's workers give way to every other process: beside two that compute, a worker takes a minute to start.
os.environ.setdefault("RAY_worker_niceness", "0")
# Ray's agents count the processes of their machine every five seconds, and no test asks them.
os.environ.setdefault("REPORTER_UPDATE_INTERVAL_MS", "60000")


class _OneClusterOneProcess(LoadFileScheduling):
    """Gives a process whole files, and one process all tests that share a cluster: each would start its own."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return share_of(self.config.rootpath / file, test.partition("[")[0]) or file


settings.register_profile("suite", deadline=None)  # a busy machine is no fault of what is tested
settings.load_profile("suite")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _OneClusterOneProcess:
    return _OneClusterOneProcess(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with Ray begin first: they wait more than they compute, and should not be what the others wait for."""
    with_ray = {item.path for item in items if item.get_closest_marker("ray")}
    items.sort(key=lambda item: (ORDER.index(_shared_by(item)), item.path not in with_ray))


def _shared_by(item: pytest.Item | None) -> str:
    return share_of(item.path, item.originalname) if isinstance(item, pytest.Function) else ""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End a cluster after the last test that shares it."""
    yield
    fixture = _shared_by(item)
    if fixture and fixture != _shared_by(nextitem):
        RUNNING[fixture].close()


@pytest.fixture(autouse=True)
def _no_debug_left_behind() -> Iterator[None]:
    """`--debug`, typed in by a test, is for all that its process does: here it ends with the test."""
    yield
    os.environ.pop("REELMEND_DEBUG", None)


@pytest.fixture(scope="session")
def _ray_for_tests() -> Iterator[None]:
    """What Ray reads when it is imported, and what its processes inherit."""
    # A machine of one CPU would end an idle process after a second, and every probe begin with a start of Python.
    wanted = {"RAY_AUTH_MODE": "disabled", "RAY_num_workers_soft_limit": "4"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    import reelmend.cluster.runtime  # noqa: F401

    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]


@pytest.fixture(scope="session")
def cluster_address(_ray_for_tests: None) -> Iterator[str]:
    """A head node with two CPUs in processes of its own, as an operator would have started it."""
    with RUNNING["cluster_address"] as running:
        yield running.enter_context(ray_cluster({"num_cpus": 2})).address


@pytest.fixture
def on_cluster(cluster_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAY_ADDRESS", cluster_address)
    return cluster_address


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def s3_credentials(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ENDPOINT_URL": s3_endpoint, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(s3_credentials: None) -> str:
    """The name of a new bucket."""
    import boto3

    return str(boto3.resource("s3").create_bucket(Bucket=f"test-{uuid4().hex}").name)
