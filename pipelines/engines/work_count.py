"""Amount of work of a video: the plan of `plan.py`, counted without building it.

For a million videos: of each, one shot is assumed that is masked throughout.
"""

from dataclasses import dataclass
from itertools import pairwise

from reelmend.pipelines.engines.blocks import equal_edges


@dataclass(frozen=True)
class WorkCount:
    """How much there is to do for one video."""

    frames: int
    frames_seen: int
    """Frames that its blocks look at; those of halos and of overlaps count as often as they are looked at."""
    segments: int
    chunks: int


def count_equal_blocks(
    frames: int, *, block_length: int, reach: int, chunk_length: int, segment_length: int
) -> WorkCount:
    """Count what `lay_blocks` and `plan_frames` lay out; `reach`: overlap and halo together."""
    edges = equal_edges(0, frames, block_length)
    seen = chunks = held = 0
    for start, stop in pairwise(edges):
        seen += min(frames, stop + reach) - max(0, start - reach)
        chunks += held == 0
        held += stop - start
        if held >= chunk_length:
            held = 0
    return WorkCount(frames, seen, _segments(frames, segment_length), chunks)


def count_subvideos(frames: int, *, length: int, chunk_length: int, segment_length: int) -> WorkCount:
    """Count what `lay_subvideos` and `plan_frames` lay out, for a worker that continues with its video: no halo."""
    blocks, blocks_a_chunk = -(-frames // length), -(-chunk_length // length)
    return WorkCount(frames, frames, _segments(frames, segment_length), -(-blocks // blocks_a_chunk))


def _segments(frames: int, length: int) -> int:
    return -(-max(0, frames - 1) // length)
