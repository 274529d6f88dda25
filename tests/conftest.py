"""One small Ray cluster, and one object store, for the tests that need one, started when the first of them asks.

A test that lets a run start its own Ray does so in a process of its own: Ray keeps how a process proves who it is.
Being here also puts `tests/` on the path, so that every test can say `from clips import write_clip`.
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from ray_cluster import ray_cluster
from servers import CREDENTIALS, s3_server

# Pictures here are small: threads cost more than they bring, and beside Ray's processes many times as much.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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
    import cluster.runtime  # noqa: F401

    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]


@pytest.fixture(scope="session")
def cluster_address(_ray_for_tests: None) -> Iterator[str]:
    """A head node with two CPUs in processes of its own, as an operator would have started it."""
    with ray_cluster({"num_cpus": 2}) as cluster_:
        yield cluster_.address


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
