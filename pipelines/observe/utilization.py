"""Utilization: average queues and idle workers over a run."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.observe.run_metrics import Queues, in_work_by_stage
from reelmend.pipelines.tasks import Failure, InpaintReceipt, Receipt, Stage, Task

_SHORTEST_S = 0.05
"""Queues are looked at so often at most: at hundreds of tasks a second, looking at each would take longer than they."""

_POOLED = (Stage.FLOW, Stage.INPAINT)


@dataclass(frozen=True)
class RunUtilization:
    """Means over the seconds from the first task that was assigned to the last answer."""

    seconds: float = 0.0
    workers: float = 0.0
    """That flow and inpaint."""
    apart: bool = False
    """They compute on GPUs; otherwise probes and stitches take their turn on the same cores."""
    ready: dict[str, float] = field(default_factory=dict)
    """Tasks that waited for a worker, by stage."""
    in_work: dict[str, float] = field(default_factory=dict)
    """Tasks that a worker had, by stage."""
    starved: float = 0.0
    """Workers that had nothing because no flow and no chunk was ready."""
    held: float = 0.0
    """Workers that had nothing though something was ready: not started yet, or no core was free."""
    first_chunk_s: float = 0.0
    """Seconds from the first task that was assigned until the first chunk was started; 0 where none was."""

    start_s: float = 0.0
    """Of these, seconds in which segments or chunks were ready and none was in work: workers were still starting."""

    @property
    def idle_share(self) -> float:
        """Part of the workers' time in which they had nothing, 0..1."""
        return (self.starved + self.held) / self.workers if self.workers else 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunUtilization":
        """Inverse of `to_dict`; unknown keys of a newer version are ignored."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


class UtilizationMeter(RunObserver):
    """Is notified just before something changes, and adds up what was the case until then."""

    def __init__(self, queues: Queues, now: Callable[[], float] = time.monotonic) -> None:
        self._queues, self._now = queues, now
        self._began: float | None = None
        self._until = 0.0
        self._sums: dict[str, float] = {}
        self._first_chunk_s = 0.0
        self._start_s = 0.0

    def before_change(self) -> None:
        now = self._now()
        if self._began is None:
            self._began = self._until = now
        if now - self._until >= _SHORTEST_S:
            self._count(now - self._until)
            self._until = now

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        if isinstance(answer, InpaintReceipt):
            self.chunk_done(answer.seconds)

    def chunk_done(self, seconds: float) -> None:
        """A chunk is done that took so many seconds: what passed before was for the start, these were not."""
        if not self._first_chunk_s and self._began is not None:
            self._first_chunk_s = max(0.0, self._now() - self._began - seconds)

    def load(self) -> RunUtilization:
        seconds = self._until - (self._began or 0.0)
        if not seconds:
            return RunUtilization()

        def mean(what: str) -> float:
            return self._sums.get(what, 0.0) / seconds

        return RunUtilization(
            seconds=seconds,
            workers=mean("workers"),
            apart=self._queues.workers_apart,
            ready={str(stage): mean(f"ready {stage}") for stage in Stage},
            in_work={str(stage): mean(f"in work {stage}") for stage in Stage},
            starved=mean("starved"),
            held=mean("held"),
            first_chunk_s=self._first_chunk_s,
            start_s=min(self._start_s, self._first_chunk_s),
        )

    def _count(self, seconds: float) -> None:
        workers, in_work = self._queues.workers, in_work_by_stage(self._queues)
        ready = {stage: self._queues.ready(stage) for stage in Stage}
        at_work = sum(in_work[stage] for stage in (_POOLED if self._queues.workers_apart else Stage))
        if not self._first_chunk_s and any(ready[stage] for stage in _POOLED):
            self._start_s += 0.0 if any(in_work[stage] for stage in _POOLED) else seconds
        idle = max(0, workers - at_work)
        held = min(idle, sum(ready[stage] for stage in _POOLED))
        found = {"workers": workers, "held": held, "starved": idle - held}
        found |= {f"ready {stage}": ready[stage] for stage in Stage}
        found |= {f"in work {stage}": in_work[stage] for stage in Stage}
        for what, number in found.items():
            self._sums[what] = self._sums.get(what, 0.0) + number * seconds
