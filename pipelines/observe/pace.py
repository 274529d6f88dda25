"""Progress, speed and expected end of a run, from its rows and from its workers' signs of work."""

import time
from collections.abc import Callable

from reelmend.pipelines.observe.overview import fraction_done, seconds_left
from reelmend.pipelines.observe.summary import frames_computed
from reelmend.pipelines.observe.task_progress import Signs
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import Stage

_STEADY_S = 20.0
"""What is said of the end follows what the figures say over about this time, so that it does not jump."""


class RunPace:
    """Told of every change of a row; may be asked from another thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.signs: Signs | None = None
        """Of the tasks in progress, where an executor keeps them."""
        self.active: dict[str, ItemRow] = {}
        self.total = self.ended = 0
        self._finished_earlier = self._frames = 0
        self._started_s = now()
        self._end_s: float | None = None  # when the run ends, as was said last
        self._said_s = 0.0

    def start(self, total_items: int) -> None:
        self.total, self._started_s = total_items, self._now()

    def change(self, row: ItemRow) -> None:
        if not row.state.ended:
            self.active[row.id] = row
            return
        self.active.pop(row.id, None)
        self.ended += 1
        self._finished_earlier += row.reused
        self._frames += frames_computed(row)

    @property
    def elapsed_s(self) -> float:
        return self._now() - self._started_s

    def fraction(self, row: ItemRow) -> float:
        """Return the share of an item's tasks that are done, 0..1, those in progress by what is done of them."""
        done = fraction_done(row)
        if self.signs is None or row.state.ended or not row.tasks_planned:
            return done
        return min(1.0, done + self.signs.share_of(row.id) / row.tasks_planned)

    def frames_of(self, row: ItemRow) -> int:
        """Return how many frames of an item are restored, those of chunks in progress included."""
        in_work = self.signs.frames_of(row.id, (Stage.INPAINT,)) if self.signs else 0.0
        return row.frames_done + int(in_work)

    @property
    def done(self) -> float:
        """Items that are done, those in progress by their share."""
        return self.ended + sum(map(self.fraction, [*self.active.values()]))

    @property
    def share(self) -> float:
        """Of all items, 0..1."""
        return self.done / self.total if self.total else 1.0

    @property
    def frames_per_second(self) -> float:
        rows = [*self.active.values()]
        in_work = sum(self.signs.frames_of(row.id, (Stage.INPAINT,)) for row in rows) if self.signs else 0.0
        frames = self._frames + sum(map(frames_computed, rows)) + in_work
        return frames / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the rest takes, None where nothing says so yet. A new estimate moves the last one slowly."""
        now = self._now()
        left_s = seconds_left(self.done, self.total, self._finished_earlier, now - self._started_s)
        if left_s is None:
            return None
        if self._end_s is None:
            self._end_s = now + left_s
        else:
            self._end_s += (now + left_s - self._end_s) * min(1.0, (now - self._said_s) / _STEADY_S)
        self._said_s = now
        return max(0.0, self._end_s - now)


def clock(seconds: float) -> str:
    """Return seconds as `4:05` or `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
