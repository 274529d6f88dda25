"""Blocks, chunks and flow segments of an item.

A pure function of what the probe found and what the settings say. A shot is laid out on a grid of blocks; a block is
computed from its own frames and a fixed halo, and where neighbours overlap they are cross-faded by weights that the
grid fixes. Chunks only group whole blocks for one worker, so their length cannot change a pixel.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from reelmend.core_model.propainter.schedule import Masked, Schedule
from reelmend.core_model.regions import Region
from reelmend.pipelines.media.still_ranges import stands_in
from reelmend.pipelines.tasks import Block, Chunk, Segment

Range = tuple[int, int]
"""[start, stop)"""


def lay_blocks(shots: Sequence[Range], *, block_length: int, overlap: int, halo: int) -> list[Block]:
    """Cut every shot [start, stop) into equal blocks of at most `block_length` frames.

    A block is kept for `overlap` frames more on each side, and sees `halo` frames beyond those; both end at the shot.
    """
    blocks = []
    for first, last in shots:
        for start, stop in pairwise(equal_edges(first, last, block_length)):
            kept_start, kept_stop = max(first, start - overlap), min(last, stop + overlap)
            seen = max(first, kept_start - halo), min(last, kept_stop + halo)
            blocks.append(Block(start, stop, kept_start, kept_stop, *seen, first, last))
    return blocks


def equal_edges(first: int, last: int, block_length: int) -> list[int]:
    """Return where the equal blocks of a shot [first, last) begin, and where its last one ends."""
    count = -(-(last - first) // block_length)
    return [first + (last - first) * i // count for i in range(count + 1)] if count else []


def lay_subvideos(
    shots: Sequence[Range], masked: Masked, schedule_of: Callable[[int], Schedule], length: int
) -> list[Block]:
    """Cut every shot into blocks of `length` frames from its first on, the last one shorter: ProPainter's sub-videos.

    They need no cross-fade. What a block sees is what its windows and references need completed flow for.
    """
    blocks = []
    for first, last in shots:
        schedule = schedule_of(last - first)

        def masked_in_shot(start: int, stop: int, first: int = first) -> bool:
            return masked(first + start, first + stop)

        for start in range(first, last, length):
            stop = min(start + length, last)
            read = schedule.needs(start - first, stop - first, masked_in_shot).flows
            seen_start = first + min((part.first for part in read), default=start - first)
            seen_stop = first + max((part.last + 1 for part in read), default=start + 1 - first)
            blocks.append(Block(start, stop, start, stop, seen_start, seen_stop, first, last))
    return blocks


def masked_ranges(ranges: Sequence[Range], frames: int) -> Masked:
    """Answer whether any frame of [start, stop) is in `ranges`."""
    count = np.zeros(frames + 1, np.int64)
    for start, stop in ranges:
        count[start + 1 : stop + 1] = 1
    count = count.cumsum()
    return lambda start, stop: bool(count[min(stop, frames)] > count[start])


def group_chunks(blocks: Sequence[Block], *, chunk_length: int, segments: Sequence[Segment]) -> list[Chunk]:
    """Join neighbouring blocks until a chunk holds at least `chunk_length` frames."""
    groups: list[list[Block]] = []
    for block in blocks:
        joins = groups and groups[-1][-1].stop == block.start and _frames(groups[-1]) < chunk_length
        if joins:
            groups[-1].append(block)
        else:
            groups.append([block])
    by_region = _by_region(segments)
    return [Chunk(index, tuple(group), _read_by(group, by_region)) for index, group in enumerate(groups)]


def lay_segments(frames: int, length: int) -> list[Segment]:
    """Cut the `frames - 1` adjacent pairs of a video into segments of `length` pairs."""
    starts = range(0, frames - 1, length)
    return [Segment(index, start, min(start + length, frames - 1)) for index, start in enumerate(starts)]


def needed_segments(frames: int, blocks: Sequence[Block], length: int) -> tuple[Segment, ...]:
    """Return the segments that hold the pairs which blocks need, in the order of the video.

    Of whole pictures they are those of `lay_segments`, so that runs with other masks share them. Of a region, which
    is the mask's own, they hold what its blocks need and no more.
    """
    needed: dict[Region | None, list[Range]] = {}
    for block in blocks:
        for region in block.places:
            _append(needed.setdefault(region, []), block.seen_start, block.seen_stop - 1)
    found: dict[tuple[int, int, Region | None], None] = {}
    for region, ranges in needed.items():
        for first, last in ranges:
            for start in range(first // length * length, last, length):
                stop = min(start + length, frames - 1)
                pairs = (start, stop) if region is None else (max(start, first), min(stop, last))
                found[*pairs, region] = None
    ordered = sorted(found, key=lambda pairs: (pairs[0], pairs[1], pairs[2] or ()))
    return tuple(Segment(index, *pairs) for index, pairs in enumerate(ordered))


def _append(ranges: list[Range], start: int, stop: int) -> None:
    """Add [start, stop) to ranges in order, joining it with the last one where they touch."""
    if ranges and start <= ranges[-1][1]:
        ranges[-1] = min(ranges[-1][0], start), max(ranges[-1][1], stop)
    elif start < stop:
        ranges.append((start, stop))


def _by_region(segments: Sequence[Segment]) -> dict[Region | None, list[Segment]]:
    by_region: dict[Region | None, list[Segment]] = {}
    for segment in segments:
        by_region.setdefault(segment.region, []).append(segment)
    return by_region


def _read_by(blocks: Sequence[Block], segments: Mapping[Region | None, Sequence[Segment]]) -> tuple[int, ...]:
    """Return the indices of the segments, by region and in order, that hold a pair which any of `blocks` needs."""
    found: set[int] = set()
    for block in blocks:
        for region in block.places:
            own = segments.get(region, ())
            first = bisect_right(own, block.seen_start, key=lambda segment: segment.stop)
            last = bisect_left(own, block.seen_stop - 1, key=lambda segment: segment.start)
            found.update(segment.index for segment in own[first:last])
    return tuple(sorted(found))


def plan_frames(
    frames: int,
    blocks: Sequence[Block],
    masked: Masked,
    *,
    chunk_length: int,
    segment_length: int,
    regions: Callable[[Block], tuple[Region, ...]] = lambda block: (),
    still: Sequence[Range] = (),
    reads_flow: bool = True,
    within: Range | None = None,
) -> tuple[tuple[Segment, ...], tuple[Chunk, ...]]:
    """Return the segments and chunks that hold work: blocks without a masked frame are left out, with their flow.

    `regions` answers what of the frame a block is computed on, see `Block.regions`.
    Segments that only blocks in `still` need (`media.still_ranges`) are left to demand; all, if the engine reads none.
    Of frames `within` alone, blocks and segments are those of the whole that these frames are made from.
    """
    working = [replace(block, regions=regions(block)) for block in blocks if masked(block.kept_start, block.kept_stop)]
    segments = needed_segments(frames, working, segment_length)
    if within is not None:
        working = [block for block in working if block.kept_start < within[1] and within[0] < block.kept_stop]
        needed = set(_read_by(working, _by_region(segments)))
        segments = tuple(segment for segment in segments if segment.index in needed)
    moving = [block for block in working if reads_flow and not stands_in(still, block.seen_start, block.seen_stop)]
    read = set(_read_by(moving, _by_region(segments)))
    segments = tuple(replace(segment, on_demand=segment.index not in read) for segment in segments)
    return segments, tuple(group_chunks(working, chunk_length=chunk_length, segments=segments))


def _frames(blocks: Sequence[Block]) -> int:
    return sum(block.stop - block.start for block in blocks)
