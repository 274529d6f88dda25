"""Blocks over distinct frames, and the pairs of frames that are left to measure flow between."""

from collections.abc import Sequence

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import Range
from reelmend.pipelines.engines.registry import lay_shots
from reelmend.pipelines.engines.repeats import lay_distinct, with_moving_pairs
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.tasks import Block, Segment

JOB = JobConfig(engine="propainter")
JOB.propainter.subvideo_length = 4


def lay(shots: Sequence[Range], masked: Sequence[Range], frames: int) -> list[Block]:
    return lay_shots(JOB, shots, masked, frames)


def test_blocks_of_a_clip_on_twos_are_those_of_its_distinct_frames_twice_as_long() -> None:
    once = lay([(0, 6), (6, 11)], [(0, 11)], 11)
    twos = Distinct(tuple((t, t + 2) for t in range(0, 22, 2)), 0, 22)
    twice = lay_distinct(lay, [(0, 12), (12, 22)], [(0, 22)], twos)
    assert [(2 * b.start, 2 * b.stop, 2 * b.seen_start, 2 * b.seen_stop) for b in once] == [
        (b.start, b.stop, b.seen_start, b.seen_stop) for b in twice
    ]
    assert [(2 * b.shot_start, 2 * b.shot_stop) for b in once] == [(b.shot_start, b.shot_stop) for b in twice]


def test_a_clip_without_repeats_is_laid_as_ever() -> None:
    shots, masked = [(0, 11)], [(2, 5)]
    assert lay_distinct(lay, shots, masked, Distinct((), 0, 11)) == lay(shots, masked, 11)


def test_pairs_that_repeat_a_frame_are_not_measured_and_segments_of_nothing_else_are_left_out() -> None:
    distinct = Distinct(((1, 4), (5, 12)), 0, 14)  # frames 1, 2, 3 are equal, and 5 to 11
    segments = [Segment(0, 0, 5), Segment(1, 5, 10), Segment(2, 10, 12), Segment(3, 12, 13)]
    found = with_moving_pairs(segments, distinct)
    assert [(segment.index, segment.moving) for segment in found] == [(0, (0, 3, 4)), (2, (11,)), (3, None)]
