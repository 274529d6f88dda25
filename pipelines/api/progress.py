"""Progress that callers are told of: one record, sent to a function."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from reelmend.pipelines.observe.pace import RunPace
from reelmend.pipelines.observe.task_progress import Signs
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, Receipt

EVERY_S = 0.2
"""Between two calls at least, so that a progress bar costs nothing."""


@dataclass(frozen=True)
class ProgressUpdate:
    """How far a call is."""

    fraction: float
    """Share of the work that is done, 0..1; never decreases."""
    frames: int
    """Number of frames that are restored so far."""
    stage: str
    """What is in progress: probe, flow, inpaint, stitch, or done. Arrays know probe, inpaint and done."""
    seconds_left: float | None
    """Estimate of the remaining time; None while nothing says."""
    items: int = 1
    """Videos of the job."""
    items_done: int = 0
    """Of those, how many have ended, however."""
    item: str = ""
    """Id of the item that changed last; empty for arrays."""


ProgressCallback = Callable[[ProgressUpdate], object]
"""Called a few times per second at most, by the thread that called the function. An exception in it ends the call."""


class ProgressMeter:
    """Sends updates that are worth it: spaced out, and with a fraction that only grows."""

    def __init__(self, send: ProgressCallback | None, now: Callable[[], float] = time.monotonic) -> None:
        self._send, self._now = send, now
        self._began = now()
        self._due = self._began
        self._fraction = 0.0

    @property
    def due(self) -> bool:
        """Whether an update would be sent now."""
        return self._send is not None and self._now() >= self._due

    def tell(self, fraction: float, frames: int, stage: str, *, last: bool = False) -> None:
        """Send how far a single clip is, if it is time to, or the `last` update of all."""
        if self._send is None or not (self.due or last):
            return
        self._fraction = 1.0 if last else min(1.0, max(self._fraction, fraction))
        elapsed = self._now() - self._began
        left = 0.0 if last else elapsed * (1 / self._fraction - 1) if self._fraction else None
        self.send(ProgressUpdate(self._fraction, frames, stage, left, items_done=int(last)))

    def send(self, update: ProgressUpdate) -> None:
        """Send an update whose fraction is right, and wait with the next one."""
        self._due = self._now() + EVERY_S
        if self._send is not None:
            self._send(update)


class CallbackDisplay:
    """Display of a run that calls a function instead of drawing.

    The function is called by the thread that drives the run: on changes of items, and at signs of work in this process.
    """

    def __init__(self, send: ProgressCallback) -> None:
        self._meter = ProgressMeter(send)
        self._pace = RunPace()
        self._fraction, self._frames, self._last = 0.0, 0, ("", "probe")
        self._error: Exception | None = None

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        self._pace.start(total_items)

    def follow(self, signs: Signs) -> None:
        self._pace.signs = signs

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if self._error is not None:
            raise self._error
        before = self._pace.ended
        self._pace.change(row)
        if row.state.ended:
            self._frames += row.frames_done
        self._last = row.id, _STAGE_OF.get(row.state, "done")
        if self._meter.due or self._pace.ended > before:
            self._say()

    def sign(self) -> None:
        """Something was done in this process; see `reelmend.core_model.progress`.

        An error of the function is kept until the next change: here it would be taken for one of the item.
        """
        if self._error is None and self._pace.total and self._meter.due:
            try:
                self._say()
            except Exception as exc:
                self._error = exc

    def stop(self) -> None:
        return

    def _say(self) -> None:
        pace = self._pace
        self._fraction = max(self._fraction, min(1.0, pace.share))
        item, stage = self._last
        over = pace.ended == pace.total
        self._meter.send(
            ProgressUpdate(
                fraction=self._fraction,
                frames=self._frames + sum(map(pace.frames_of, [*pace.active.values()])),
                stage="done" if over else stage,
                seconds_left=0.0 if over else pace.seconds_left(),
                items=pace.total,
                items_done=pace.ended,
                item=item,
            )
        )


_STAGE_OF = {"pending": "probe", "probing": "probe", "running": "inpaint", "stitching": "stitch"}
