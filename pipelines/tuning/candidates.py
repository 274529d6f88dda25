"""The settings that `reelmend tune` varies, and the values that it tries: one entry per setting.

To add a setting, add an entry to `CANDIDATES`; nothing else names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reelmend.pipelines.choices import ExecutorName, WorkRegion
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.media.sizes import Size, process_size

_STEP_PX, _LEAST_SIDE_PX = 16, 64


@dataclass(frozen=True)
class Situation:
    """What decides which values are worth a measurement."""

    job: JobConfig
    """With the settings that are best so far."""
    size: Size
    """(width, height) of the largest clip."""
    cores: int
    gpu: bool
    """Whether the engine computes on a GPU here."""
    precisions: frozenset[str]
    """Number formats that the device computes in."""

    @property
    def workers(self) -> int:
        """Workers that `run.workers` stands for."""
        return self.job.run.workers or self.cores

    @property
    def side(self) -> int:
        """Longest side at which holes are restored."""
        return max(process_size(self.size, self.job))


@dataclass(frozen=True)
class Candidate:
    """One setting."""

    key: str
    values: Callable[[Situation], Sequence[Any]]
    """Values to try, from the one that costs the picture least; the setting's present value is left out."""
    engines: tuple[str, ...] = ()
    """Engines that read the setting; empty: all."""
    falling: bool = False
    """Each value costs the picture at least as much as the one before: after one that loses too much none is tried."""


CANDIDATES: tuple[Candidate, ...] = (
    # What changes the time alone, up to rounding, comes first: it costs no quality.
    Candidate("run.workers", lambda s: () if _alone(s) else sorted({1, max(1, s.cores // 2), s.cores} - {s.workers})),
    Candidate("propainter.window_batch", lambda s: (1, 2, 4, 8) if s.gpu else (2,), ("propainter",)),
    Candidate("propainter.compile", lambda s: ("off",) if s.gpu else ("on",), ("propainter",)),
    Candidate("propainter.tf32", lambda s: (True,) if s.gpu else (), ("propainter",)),
    Candidate("propainter.precision", lambda s: [p for p in ("bf16", "fp16") if p in s.precisions], ("propainter",)),
    # What changes the picture, from what costs it little.
    Candidate("propainter.raft_iterations", lambda s: _below(s.job.propainter.raft_iterations, 12, 8, 5), ("propainter",), True),
    Candidate("flow.max_side", lambda s: _parts(_limited(s.side, s.job.flow.max_side), 0.75, 0.5, 0.35), (), True),
    Candidate("propainter.ref_stride", lambda s: _above(s.job.propainter.ref_stride, 15, 20, 30), ("propainter",), True),
    Candidate("process.region", lambda s: ("hole",) if s.job.process.region is WorkRegion.frame else ()),
    Candidate("propainter.early_exit", lambda s: (True,), ("propainter",)),
    Candidate("flow.method", lambda s: ("dis", "farneback"), ("propainter",), True),
    Candidate("process.max_side", lambda s: _parts(s.side, 0.75, 0.5, 0.35), (), True),
)  # fmt: skip


def setting_of(key: str, table: Sequence[Candidate] = CANDIDATES) -> Candidate | None:
    """Return the entry of a setting; None where it is not varied."""
    return next((candidate for candidate in table if candidate.key == key), None)


def _alone(situation: Situation) -> bool:
    """Whether the number of workers is not the job's to choose: one process, or one worker per GPU."""
    return situation.gpu or situation.job.run.executor is ExecutorName.inline


def _limited(side: int, limit: int) -> int:
    return min(side, limit) if limit else side


def _parts(side: int, *shares: float) -> list[int]:
    """Return parts of a side, in whole steps."""
    return [part for share in shares if (part := round(side * share / _STEP_PX) * _STEP_PX) >= _LEAST_SIDE_PX]


def _below(now: int, *values: int) -> list[int]:
    return [value for value in values if value < now]


def _above(now: int, *values: int) -> list[int]:
    return [value for value in values if value > now]
