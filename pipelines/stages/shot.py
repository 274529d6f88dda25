"""What does an engine read of a shot? Frames and masks from the clip, flow from the cache."""

from collections.abc import Sequence
from dataclasses import replace

from core_model.engine import U8, Bool, Float
from pipelines.stages.clip import Clip
from pipelines.stages.desk import Desk
from pipelines.stages.flow import read_pairs
from pipelines.tasks import Block, Segment, Task


class VideoShot:
    """The frames [start, stop) of a video, numbered from 0; see core_model.engine.Shot."""

    def __init__(self, clip: Clip, start: int, stop: int, segments: Sequence[Segment], desk: Desk) -> None:
        self.clip = clip
        self.start = start
        self.frames = stop - start
        self._segments, self._desk = segments, desk

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.clip.size
        return height, width

    def images(self, start: int, stop: int) -> U8:
        with self._desk.model_clock.paused():
            return self.clip.images(self.start + start, self.start + stop)

    def masks(self, start: int, stop: int) -> Bool:
        with self._desk.model_clock.paused():
            return self.clip.masks(self.start + start, self.start + stop)

    def flows(self, start: int, stop: int) -> tuple[Float, Float]:
        record, job = self.clip.record, self.clip.job
        with self._desk.model_clock.paused():
            return read_pairs(self.start + start, self.start + stop, self._segments, record, job, self._desk)


def shot_of(block: Block, task: Task, desk: Desk, side: int) -> VideoShot:
    """Return the shot that a block of the task's item lies in; the very same as last time if that was this one too.

    `side` is the longest side in pixels to work at, 0 for what the job says.
    """
    assert task.plan is not None
    plan, record = task.plan, desk.record(task)
    mask = None if task.item.mask is None else desk.local(task.item.mask)

    def open_shot() -> VideoShot:
        job = desk.settings(task.item)
        if side:
            job = replace(job, process=replace(job.process, max_side=side))
        clip = Clip(record, mask, job)
        return VideoShot(clip, block.shot_start, block.shot_stop, plan.segments, desk)

    sources = (record.info.path, mask)
    return desk.keep_last((plan.probe_key, task.item, sources, block.shot_start, block.shot_stop, side), open_shot)
