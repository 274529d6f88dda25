"""Workers cannot import a test's module: the toy worker travels to them by value."""

import pytest

from tests.cluster import toy_worker


@pytest.fixture(scope="session", autouse=True)
def _toy_worker_travels() -> None:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(toy_worker)  # type: ignore[no-untyped-call]
