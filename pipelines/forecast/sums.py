"""Sums of work over all items, by frame size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import count_work
from reelmend.pipelines.engines.work_count import WorkCount
from reelmend.pipelines.engines.worked_area import WHOLE, Worked, mean_worked
from reelmend.pipelines.forecast.item_estimate import Looked, restored_frames
from reelmend.pipelines.forecast.speed import Pixels
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of_size
from reelmend.pipelines.media.masks.item_mask import making_seconds
from reelmend.pipelines.media.sizes import flow_size, process_size
from reelmend.pipelines.tasks import Item

_SURE = 1.96
"""Standard errors on each side that hold the truth 95 times in 100."""


@dataclass(frozen=True)
class Hole:
    """What is taken for every item's mask."""

    missing: float
    """Share of the canvas, 0..1."""
    worked: Worked


@dataclass
class Group:
    """Items of one size and the same overrides; counts are no whole numbers where a sample stands for others."""

    job: JobConfig
    canvas: Canvas
    items: float = 0.0
    frames: float = 0.0
    pairs: float = 0.0
    seen: float = 0.0
    segments: float = 0.0
    chunks: float = 0.0
    longest: int = 0
    """Frames of the longest item."""
    making: float = 0.0
    """Core-seconds until masks are made."""

    def add(self, work: WorkCount, weight: float) -> None:
        self.items += weight
        self.frames += weight * work.frames
        self.pairs += weight * max(0, work.frames - 1)
        self.seen += weight * work.frames_seen
        self.segments += weight * work.segments
        self.chunks += weight * work.chunks
        self.longest = max(self.longest, work.frames)

    def pixels(self, hole: Hole) -> Pixels:
        """Return what goes through the stages when every canvas has a hole like this."""
        return pixels_of(self.canvas, self.job, frames=self.frames, pairs=self.pairs, seen=self.seen, hole=hole)


def pixels_of(canvas: Canvas, job: JobConfig, *, frames: float, pairs: float, seen: float, hole: Hole) -> Pixels:
    """Return the millions of pixels that go through the stages."""
    worked = hole.worked
    if job.mode is Mode.masks:  # nothing is restored, and a mask is small
        return Pixels(canvas.picture_width * canvas.picture_height / 1e6 * frames, 0, 0, 0, 0, 0, 0, 0)
    sizes = canvas.picture_size, canvas.size, flow_size(canvas.picture_size, job), process_size(canvas.size, job)
    source, output, flow, process = (width * height / 1e6 for width, height in sizes)
    return Pixels(
        source=source * frames,
        output=output * frames,
        flow_source=source * pairs * worked.regions,
        flow=flow * pairs * worked.regions * worked.flow,
        inpaint_source=source * seen,
        process=process * seen * worked.restored,
        missing=process * seen * hole.missing,
        frames_seen=seen,
    )


class Sums:
    """Adds up items."""

    def __init__(self, job: JobConfig) -> None:
        self.job = job
        self.frames_error = self.work_error = 0.0
        """Half of the range, in frames and as a share of the work, that holds the truth 95 times in 100."""
        self._groups: dict[tuple[tuple[str, ...], Canvas], Group] = {}
        self._by_size: dict[tuple[tuple[str, ...], int, int], Group] = {}
        self._settings = lru_cache(maxsize=1024)(lambda overrides: apply_overrides(job, overrides))
        self._count = lru_cache(maxsize=200_000)(lambda overrides, frames: _work(self._settings(overrides), frames))
        self._masked = self._masked_of = 0.0
        self._worked: list[tuple[Worked, float]] = []

    @property
    def groups(self) -> list[Group]:
        return list(self._groups.values())

    def trust(self, item: Item, weight: float = 1.0) -> None:
        """Add an item by the figures of its manifest."""
        size = item.width or 0, item.height or 0
        settings = self._settings(item.overrides)
        frames = restored_frames(item, settings)
        group = self._by_size.get((item.overrides, *size))
        if group is None:
            canvas = canvas_of_size(size, self._settings(item.overrides))
            group = self._by_size[(item.overrides, *size)] = self._group(item.overrides, canvas)
        group.add(self._count(item.overrides, frames), weight)
        group.making += weight * (item.frames or 0) * making_seconds(item, settings, size)

    def add(self, looked: Looked, weight: float = 1.0) -> None:
        """Add an item that was looked at and can be restored."""
        assert looked.canvas is not None
        overrides = looked.item.overrides
        group = self._group(overrides, looked.canvas)
        group.add(self._count(overrides, looked.frames), weight)
        seconds = making_seconds(looked.item, group.job, looked.canvas.picture_size)
        group.making += weight * looked.frames * seconds

    def see_mask(self, looked: Looked) -> None:
        """Learn from an item which share of the pictures is missing, and what is worked on."""
        if looked.canvas is not None and looked.missing is not None:
            pixels = looked.canvas.width * looked.canvas.height * looked.frames
            self._masked += pixels * looked.missing
            self._masked_of += pixels
            self._worked.append((looked.worked or WHOLE, pixels))

    @property
    def missing(self) -> float | None:
        """Share of the pixels that are missing; None where no mask has told."""
        return self._masked / self._masked_of if self._masked_of else None

    @property
    def worked(self) -> Worked | None:
        """What is worked on, on average; None where no mask has told."""
        return mean_worked(self._worked)

    def see_sample(self, opened: Sequence[Looked], *, of: int, drawn: int) -> None:
        """Learn how sure that is what `drawn` items of `of` have told, `opened` of them with figures."""
        if drawn >= of or drawn == 0:
            return
        frames = [one.frames for one in opened] + [0] * (drawn - len(opened))
        work = [one.frames * one.canvas.width * one.canvas.height for one in opened if one.canvas is not None]
        work += [0] * (drawn - len(work))
        whole = sum(group.frames * group.canvas.width * group.canvas.height for group in self.groups)
        self.frames_error = _error_of_total(frames, of)
        self.work_error = _error_of_total(work, of) / whole if whole else 0.0

    def _group(self, overrides: tuple[str, ...], canvas: Canvas) -> Group:
        return self._groups.setdefault((overrides, canvas), Group(self._settings(overrides), canvas))


def _work(job: JobConfig, frames: int) -> WorkCount:
    """Count what there is to do for a video of so many frames; a job of masks restores nothing of it."""
    return WorkCount(frames, 0, 0, 0) if job.mode is Mode.masks else count_work(job, frames)


def _error_of_total(drawn: Sequence[float], of: int) -> float:
    """Return the 95 % half range of the sum over `of` things, of which some were drawn without putting them back."""
    number = len(drawn)
    mean = sum(drawn) / number
    if number < 2:
        return mean * of
    variance = sum((value - mean) ** 2 for value in drawn) / (number - 1)
    return _SURE * of * math.sqrt(variance / number * (1 - number / of))
