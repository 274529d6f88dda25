"""Plans over distinct frames: blocks are laid on them, and flow is measured between them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from reelmend.pipelines.engines.blocks import Range
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.tasks import Block, Segment

LayShots = Callable[[Sequence[Range], Sequence[Range], int], list[Block]]
"""Shots, masked ranges and the number of frames to blocks."""


def lay_distinct(lay: LayShots, shots: Sequence[Range], masked: Sequence[Range], distinct: Distinct) -> list[Block]:
    """Return the blocks that `lay` makes of the distinct frames of a video, in the video's frames.

    Shots and masked ranges must begin and end where runs of equal frames do, if they touch them.
    """

    def numbered(ranges: Sequence[Range]) -> list[Range]:
        return [distinct.count(start, stop) for start, stop in ranges]

    blocks = lay(numbered(shots), numbered(masked), len(distinct.frames))
    return [_in_frames(block, distinct) for block in blocks]


def _in_frames(block: Block, distinct: Distinct) -> Block:
    return replace(
        block,
        start=distinct.frame(block.start),
        stop=distinct.frame(block.stop),
        kept_start=distinct.frame(block.kept_start),
        kept_stop=distinct.frame(block.kept_stop),
        seen_start=distinct.frame(block.seen_start),
        seen_stop=distinct.frame(block.seen_stop),
        shot_start=distinct.frame(block.shot_start),
        shot_stop=distinct.frame(block.shot_stop),
    )


def with_moving_pairs(segments: Sequence[Segment], distinct: Distinct) -> tuple[Segment, ...]:
    """Return the segments that say which of their pairs show two pictures, without those that have none."""
    moving = [replace(segment, moving=_moving(segment, distinct)) for segment in segments]
    return tuple(segment for segment in moving if segment.moving is None or segment.moving)


def _moving(segment: Segment, distinct: Distinct) -> tuple[int, ...] | None:
    first, last = distinct.count(segment.start + 1, segment.stop + 1)
    if last - first == segment.stop - segment.start:
        return None
    return tuple([frame - 1 for frame in distinct.frames[first:last]])
