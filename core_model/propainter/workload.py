"""Extra work of a clip computed in independent pieces."""

from collections.abc import Sequence

from reelmend.core_model.propainter.schedule import Needs, Schedule

# GFLOP at 432x240 with all that can be saved exactly (benchmarks/README.md): only their ratios count here.
_RAFT_PAIR = 317
_COMPLETED_PAIR = 39
_WINDOW = 1860


def extra_work(schedule: Schedule, frames: int, pieces: Sequence[tuple[int, int]]) -> float:
    """Return by which share operations grow when each piece [start, stop) of a clip, masked throughout, starts again.

    Optical flow is measured once in any case. A worker that restores adjacent pieces in order adds nothing.
    """
    apart = sum(_operations(schedule.needs(*piece, _everywhere)) for piece in pieces)
    together = _operations(schedule.needs(0, frames, _everywhere))
    return (apart - together) / (together + _RAFT_PAIR * (frames - 1))


def _everywhere(start: int, stop: int) -> bool:
    return True


def _operations(needs: Needs) -> int:
    completed = sum(block.last - block.first for block in needs.completed)
    return _WINDOW * len(needs.windows) + _COMPLETED_PAIR * completed
