"""Are idle workers told from busy ones, and hungry ones from slow ones?"""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from reelmend.pipelines.observe.utilization import RunUtilization, UtilizationMeter
from reelmend.pipelines.tasks import Stage


class Scene:
    """Queues that a test sets, and a clock that it moves."""

    def __init__(self, workers: int, apart: bool = False) -> None:
        self.workers, self.workers_apart, self.open_items = workers, apart, 1
        self.in_work: dict[str, Any] = {}
        self.waiting: Counter[Stage] = Counter()
        self.time_s = 0.0
        self.meter = UtilizationMeter(self, now=lambda: self.time_s)
        self.meter.before_change()

    def ready(self, stage: Stage) -> int:
        return self.waiting[stage]

    def during(self, seconds: float, *in_work: Stage, ready: dict[Stage, int] | None = None) -> None:
        self.in_work = {str(n): SimpleNamespace(stage=stage) for n, stage in enumerate(in_work)}
        self.waiting = Counter(ready or {})
        self.time_s += seconds
        self.meter.before_change()

    @property
    def load(self) -> RunUtilization:
        return self.meter.load()


def test_queues_are_means_over_time_however_rarely_something_happens() -> None:
    scene = Scene(workers=2)
    scene.during(30, Stage.INPAINT, Stage.FLOW, ready={Stage.INPAINT: 4})
    scene.during(10, Stage.INPAINT)
    assert scene.load.seconds == 40
    assert scene.load.ready["inpaint"] == pytest.approx(3)
    assert scene.load.in_work["flow"] == pytest.approx(0.75)
    assert scene.load.idle_share == pytest.approx(10 / 80)


def test_a_worker_without_work_starves_and_one_that_leaves_it_is_held() -> None:
    scene = Scene(workers=4)
    scene.during(10, Stage.INPAINT, ready={Stage.FLOW: 1})
    assert (scene.load.held, scene.load.starved) == pytest.approx((1, 2))


@pytest.mark.parametrize(("apart", "starved"), [(False, 0), (True, 1)])
def test_a_stitch_keeps_a_core_busy_but_no_gpu(apart: bool, starved: float) -> None:
    scene = Scene(workers=1, apart=apart)
    scene.during(10, Stage.STITCH)
    assert scene.load.starved == starved


def test_a_burst_of_events_changes_nothing_in_the_means() -> None:
    scene = Scene(workers=1)
    for _ in range(1000):
        scene.during(0.01, Stage.INPAINT, ready={Stage.FLOW: 2})
    assert scene.load.ready["flow"] == pytest.approx(2)
    assert scene.load.seconds == pytest.approx(10, rel=0.01)


def test_what_was_measured_is_read_back() -> None:
    scene = Scene(workers=3)
    scene.during(5, Stage.INPAINT)
    assert RunUtilization.from_dict(scene.load.to_dict() | {"of a newer version": 1}) == scene.load


def test_a_chunk_s_own_computing_is_no_part_of_the_start() -> None:
    """It was done 40 s after the first task was handed out, and took 30 of them. The next ones change nothing."""
    scene = Scene(workers=1)
    scene.during(40, Stage.INPAINT)
    scene.meter.chunk_done(30.0)
    scene.during(10, Stage.INPAINT)
    scene.meter.chunk_done(10.0)
    assert scene.load.first_chunk_s == 10


def test_workers_start_while_segments_wait_for_them_and_not_while_probes_and_flow_are_computed() -> None:
    """10 s of a probe, 20 s in which its segments waited for a worker, 30 s of flow, then the first chunk."""
    scene = Scene(workers=1)
    scene.during(10, Stage.PROBE)
    scene.during(20, ready={Stage.FLOW: 3})
    scene.during(30, Stage.FLOW, ready={Stage.FLOW: 2})
    scene.during(40, Stage.INPAINT)
    scene.meter.chunk_done(40.0)
    scene.during(5, ready={Stage.INPAINT: 1})
    assert (scene.load.first_chunk_s, scene.load.start_s) == (60, 20)
