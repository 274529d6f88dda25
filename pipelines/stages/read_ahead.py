"""Reading ahead: while an engine computes one block on a GPU, a thread decodes what the next one needs.

Frames and masks go into the clip's windows, flow into `FlowAhead`. What is read is the same as without the thread, only
earlier; what it has not come to is read when it is asked for, and an error is met there. It goes no further than the
next block, and holds no more than `MOST_BYTES` that nobody has asked for.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.stages.shot_reader import Clip
from reelmend.pipelines.tasks import Block, InpaintTask, Segment, StitchTask

MOST_BYTES = 256 << 20
"""Of pictures and flow that are decoded and not asked for yet: 80 frames of 1280x720. A block that has more is read ahead
in part."""
DEPTH = 1
"""Blocks after the present one: a GPU that waits for the next block does not need the one after it."""


class DecodedFlow(NamedTuple):
    """A segment of the flow cache."""

    flows: NDArray[np.float16]
    """[2 (forward, backward), pairs, 2 (dx, dy), h, w]"""
    packed_bytes: int


Load = Callable[[Segment], DecodedFlow | None]
"""Reads a cached segment; returns None if it is missing or unreadable, and it is then computed when it is needed."""


class FlowAhead:
    """Segments of flow that were decoded before they were asked for; filled by one thread, emptied by another."""

    def __init__(self) -> None:
        self._segments: dict[Segment, Future[DecodedFlow | None]] = {}

    def take(self, segment: Segment) -> DecodedFlow | None:
        """Return a segment's flow, None where it was not read ahead; waits while it is being decoded.

        It stays for the next block, whose flow may begin in the same segment.
        """
        known = self._segments.get(segment)
        return None if known is None else known.result()

    def fill(self, segment: Segment, load: Load) -> None:
        if segment in self._segments:
            return
        coming: Future[DecodedFlow | None] = Future()
        self._segments[segment] = coming
        try:
            coming.set_result(load(segment))
        except Exception:  # it occurs again, and is reported, where this flow is used
            coming.set_result(None)

    @property
    def bytes(self) -> int:
        done = [future.result() for future in [*self._segments.values()] if future.done()]
        return sum(flow.flows.nbytes for flow in done if flow is not None)

    def keep(self, segments: Sequence[Segment]) -> None:
        """Forget all others, and those that could not be read: they may be there by now."""
        wanted = set(segments)
        for segment, future in [*self._segments.items()]:
            if segment not in wanted or (future.done() and future.result() is None):
                del self._segments[segment]


class Ahead(NamedTuple):
    """What is read ahead for a block and those after it."""

    frames: Sequence[int]
    """Of the video, in order."""
    segments: Sequence[Segment]
    """In the order of their first pairs."""


class Feed:
    """What is to be read while the present block is computed, and the flow that was."""

    def __init__(self) -> None:
        self.ahead = Ahead((), ())
        self.flows = FlowAhead()

    def expect(self, ahead: Ahead) -> None:
        self.ahead = ahead
        self.flows.keep(ahead.segments)


def ahead_of(block: Block, task: InpaintTask | StitchTask, repeats: Sequence[tuple[int, int]]) -> Ahead:
    """Return what `block` and the next one read."""
    blocks = [block, *following(block, task, beyond=True)[:DEPTH]]
    frames = {t for one in blocks for t in _distinct_frames(one, repeats)}
    segments = {
        segment
        for one in blocks
        for segment in task.plan.segments
        if not segment.on_demand and segment.region in one.places and _meet(segment, one)
    }
    return Ahead(sorted(frames), sorted(segments, key=lambda segment: (segment.start, segment.index)))


def following(block: Block, task: InpaintTask | StitchTask, *, beyond: bool) -> list[Block]:
    """Return the blocks of the task's chunk that come after one; with `beyond`, the first of the chunk after that, too."""
    if not isinstance(task, InpaintTask):
        return []
    later = [other for other in task.chunk.blocks if other.start > block.start]
    return [*later, *([task.coming] if beyond and task.coming else [])]


def _distinct_frames(block: Block, repeats: Sequence[tuple[int, int]]) -> list[int]:
    shown = Distinct(tuple(repeats), block.shot_start, block.shot_stop)
    first, last = shown.count(block.seen_start, block.seen_stop)
    return [*shown.frames[first:last]]


def _meet(segment: Segment, block: Block) -> bool:
    return segment.start < block.seen_stop - 1 and block.seen_start < segment.stop


@contextmanager
def reading_ahead(clip: Clip, feed: Feed, load: Load) -> Iterator[None]:
    """Inside, a thread reads what is ahead. On leaving, however that happens, it has ended."""
    if not feed.ahead.frames:
        yield
        return
    ended = threading.Event()
    reader = threading.Thread(
        target=copy_context().run,
        args=(_read, clip, feed.flows, feed.ahead, load, ended),
        name="read-ahead",
        daemon=True,
    )
    reader.start()
    try:
        yield
    finally:
        ended.set()
        clip.wake()
        reader.join()  # at most a frame or a segment of flow later


def _read(clip: Clip, flows: FlowAhead, ahead: Ahead, load: Load, ended: threading.Event) -> None:
    segments = [*ahead.segments]

    def room() -> int:
        return MOST_BYTES - flows.bytes

    while (frame := clip.read_one_ahead(ahead.frames, room, ended.is_set)) is not None:
        # Flow at its frames' turn, so that neither takes all the room.
        while segments and segments[0].start <= frame and room() > 0 and not ended.is_set():
            flows.fill(segments.pop(0), load)
    while segments and room() > clip.bytes_ahead() and not ended.is_set():
        flows.fill(segments.pop(0), load)
