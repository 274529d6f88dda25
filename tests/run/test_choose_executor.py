"""A short clip does not wait for Ray; whatever is longer, unknown or asked for does not lack it."""

import pytest

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig, PoolsConfig, RunConfig
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.run.executor import SHORT_S, choose_executor

SHORT = Forecast(items=1, seconds={"probe": 1.0, "inpaint": SHORT_S - 1})
LONG = Forecast(items=1, seconds={"probe": 1.0, "inpaint": SHORT_S})


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("job", "items", "predicted", "chosen"),
    [
        (JobConfig(), 1, SHORT, "inline"),
        (JobConfig(), 1, LONG, "ray"),
        (JobConfig(), 0, Forecast(), "inline"),  # nothing to do
        (JobConfig(), 1, Forecast(items=1), "ray"),  # no rates
        (JobConfig(), 9, Forecast(items=9, unknown=8, seconds={"inpaint": 1.0}), "ray"),
        (JobConfig(), 1, Forecast(items=1, quarantined=1, seconds={"inpaint": 0.0}), "ray"),  # it could not be opened
        (JobConfig(run=RunConfig(workers=2)), 1, SHORT, "ray"),
        (JobConfig(pools=PoolsConfig(inpaint_max=4)), 1, SHORT, "ray"),
        (JobConfig(run=RunConfig(executor=ExecutorName.ray)), 1, SHORT, "ray"),
        (JobConfig(run=RunConfig(executor=ExecutorName.inline)), 1, LONG, "inline"),
    ],
)
def test_the_executor_follows_from_what_there_is_to_do(
    job: JobConfig, items: int, predicted: Forecast, chosen: str
) -> None:
    assert choose_executor(job, items, predicted) == chosen


def test_a_cluster_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert choose_executor(JobConfig(), 1, SHORT) == "ray"


def test_networks_on_a_gpu_are_ray_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmend.pipelines.run.executor.wants_gpu", lambda job: job.engine == "propainter")
    assert choose_executor(JobConfig(engine="propainter"), 1, SHORT) == "ray"
