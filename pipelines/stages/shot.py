"""Shot as an engine reads it: frames and masks from the clip, flow from the cache, of one region of the frame."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from reelmend.core_model.engine import U8, Bool, Float
from reelmend.core_model.ranges import named_range
from reelmend.core_model.regions import Region
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.media.sizes import with_side
from reelmend.pipelines.stages.flow import load_ahead, read_pairs
from reelmend.pipelines.stages.read_ahead import DecodedFlow, Feed, ahead_of, following, reading_ahead
from reelmend.pipelines.stages.shot_reader import Clip
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.tasks import Block, InpaintTask, Segment, StitchTask


class VideoShot:
    """A region, or all, of the frames [start, stop) of a video, numbered from 0; see reelmend.core_model.engine.Shot.

    Of frames that repeat each other it has the first.
    """

    def __init__(
        self,
        clip: Clip,
        feed: Feed,
        region: Region | None,
        start: int,
        stop: int,
        segments: Sequence[Segment],
        worker_context: WorkerContext,
    ) -> None:
        self.clip, self._feed, self.region = clip, feed, region
        self.start = start
        self.distinct = Distinct(self.clip.record.repeats, start, stop)
        """Which of the video's frames the shot has."""
        self.frames = len(self.distinct.frames)
        self._segments = [segment for segment in segments if segment.region == region]
        self._worker_context = worker_context

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.clip.size(self.region)
        return height, width

    @named_range("read frames")
    def images(self, start: int, stop: int) -> U8:
        with self._worker_context.model_clock.paused():
            return self.clip.images(self.region, self.distinct.frames[start:stop])

    @named_range("read masks")
    def masks(self, start: int, stop: int) -> Bool:
        with self._worker_context.model_clock.paused():
            return self.clip.masks(self.region, self.distinct.frames[start:stop])

    @named_range("read flow")
    def flows(self, start: int, stop: int) -> tuple[Float, Float]:
        record, job = self.clip.record, self.clip.job
        pairs = [frame - 1 for frame in self.distinct.frames[start + 1 : stop + 1]]
        with self._worker_context.model_clock.paused():
            return read_pairs(self.region, pairs, self._segments, record, job, self._worker_context, self._feed.flows)

    def reading_ahead(self) -> AbstractContextManager[None]:
        """Inside, what this block and the next one need is read by a second thread, where the engine leaves cores free."""
        clip, worker_context = self.clip, self._worker_context

        def load(segment: Segment) -> DecodedFlow | None:
            return load_ahead(segment, clip.record, clip.job, worker_context)

        return reading_ahead(clip, self._feed, load)


class OpenClip:
    """A clip, the shot of it that was worked on last, and what of that is at hand, between one block and the next."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._feed = clip, Feed()
        self._range: tuple[int, int] | None = None
        self._shots: dict[Region | None, VideoShot] = {}

    def at(self, block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> list[VideoShot]:
        """Return the shot once for each of the block's places: the very same as last time where that was one, too."""
        if worker_context.fed:
            self._feed.expect(ahead_of(block, task, self._clip.record.repeats))
        self._clip.expect([block, *following(block, task, beyond=worker_context.fed)])
        if self._range != (block.shot_start, block.shot_stop):
            self._range, self._shots = (block.shot_start, block.shot_stop), {}
        shot = *self._range, task.plan.segments, worker_context
        self._shots = {
            region: self._shots.get(region) or VideoShot(self._clip, self._feed, region, *shot)
            for region in block.places
        }
        return list(self._shots.values())


def shots_of(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext, side: int) -> list[VideoShot]:
    """Return the shot that a block of the task's item is in, once for each part of the frame it is computed on.

    `side` is the longest side in pixels to work at, 0 for what the job says.
    """
    record = worker_context.record(task)
    mask = worker_context.mask_of(task.item, record.mask_key)

    def open_clip() -> OpenClip:
        job = with_side(worker_context.planned_settings(task), side or None)
        return OpenClip(Clip(record, mask, job, fed=worker_context.fed))

    key = (task.plan.probe_key, task.item, (record.info.path, mask), side)
    return worker_context.keep_last(key, open_clip).at(block, task, worker_context)
