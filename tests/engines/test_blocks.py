"""The plan: every frame is computed once, sees enough, and no grouping changes what a block is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.pipelines.config import FlowConfig, JobConfig, PlanConfig, ProPainterConfig
from reelmend.pipelines.engines.blocks import lay_blocks, lay_segments, lay_subvideos, masked_ranges, plan_frames
from reelmend.pipelines.engines.registry import count_work, lay_shots
from reelmend.pipelines.media.sizes import fit
from reelmend.pipelines.stages.cross_fade import blend, blend_weight
from reelmend.pipelines.tasks import Block

shots = st.lists(st.integers(1, 400), min_size=1, max_size=6).map(
    lambda lengths: [(sum(lengths[:i]), sum(lengths[: i + 1])) for i in range(len(lengths))]
)


@given(shots, st.integers(20, 100), st.integers(0, 5), st.integers(0, 20))
def test_blocks_cover_every_frame_once_and_stay_inside_their_shot(
    shots: list[tuple[int, int]], length: int, overlap: int, halo: int
) -> None:
    blocks = lay_blocks(shots, block_length=length, overlap=overlap, halo=halo)
    assert [f for b in blocks for f in range(b.start, b.stop)] == list(range(shots[-1][1]))
    for block in blocks:
        (shot,) = [(first, last) for first, last in shots if first <= block.start < last]
        assert block.stop - block.start <= length
        assert shot[0] <= block.seen_start <= block.kept_start <= block.start
        assert block.stop <= block.kept_stop <= block.seen_stop <= shot[1]


@given(shots, st.integers(0, 5))
def test_at_most_two_blocks_keep_any_frame(shots: list[tuple[int, int]], overlap: int) -> None:
    blocks = lay_blocks(shots, block_length=20, overlap=overlap, halo=10)
    for frame in range(shots[-1][1]):
        assert 1 <= sum(b.kept_start <= frame < b.kept_stop for b in blocks) <= 2


@given(shots, st.integers(1, 1000), st.integers(1, 90))
def test_chunk_and_segment_length_never_change_the_blocks(
    shots: list[tuple[int, int]], chunk_length: int, segment_length: int
) -> None:
    frames = shots[-1][1]
    blocks = lay_blocks(shots, block_length=80, overlap=5, halo=10)
    everywhere = masked_ranges([(0, frames)], frames)
    segments, chunks = plan_frames(frames, blocks, everywhere, chunk_length=chunk_length, segment_length=segment_length)
    assert [b for c in chunks for b in c.blocks] == blocks
    for chunk in chunks:
        pairs = {p for s in segments if s.index in chunk.segments for p in range(s.start, s.stop)}
        for block in chunk.blocks:
            assert pairs >= set(range(block.seen_start, block.seen_stop - 1))


def test_blocks_without_a_masked_frame_and_their_flow_are_left_out() -> None:
    blocks = lay_blocks([(0, 1000)], block_length=50, overlap=5, halo=10)
    masked = masked_ranges([(510, 520)], 1000)
    segments, chunks = plan_frames(1000, blocks, masked, chunk_length=160, segment_length=20)
    kept = [(b.start, b.stop) for c in chunks for b in c.blocks]
    assert kept == [(500, 550)]
    assert {(s.start, s.stop) for s in segments} == {(480, 500), (500, 520), (520, 540), (540, 560), (560, 580)}


def test_a_single_frame_is_a_block_without_flow() -> None:
    blocks = lay_blocks([(0, 1)], block_length=80, overlap=5, halo=10)
    segments, chunks = plan_frames(1, blocks, masked_ranges([(0, 1)], 1), chunk_length=160, segment_length=40)
    assert segments == ()
    assert [b.seen_stop for c in chunks for b in c.blocks] == [1]


def test_segments_hold_every_pair_once() -> None:
    assert [(s.start, s.stop) for s in lay_segments(100, 40)] == [(0, 40), (40, 80), (80, 99)]
    assert lay_segments(1, 40) == []


@given(st.integers(1, 10), st.integers(0, 255), st.integers(0, 255))
def test_the_cross_fade_runs_from_the_earlier_block_to_the_later_and_keeps_equal_pixels(
    overlap: int, old: int, new: int
) -> None:
    earlier, later = np.full((1, 1, 3), old, np.uint8), np.full((1, 1, 3), new, np.uint8)
    weights = [blend_weight(frame, 100, overlap) for frame in range(100 - overlap, 100 + overlap)]
    assert all(0 < w < 1 for w in weights)
    assert weights == sorted(weights)
    mixed = [int(blend(earlier, later, w)[0, 0, 0]) for w in weights]
    assert all(min(old, new) <= value <= max(old, new) for value in mixed)


@pytest.mark.parametrize(
    ("overlap", "eighths"), [(1, [2, 6]), (2, [1, 3, 5, 7]), (4, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5])]
)
def test_the_later_block_s_share_grows_by_equal_steps_around_the_boundary(overlap: int, eighths: list[float]) -> None:
    frames = range(100 - overlap, 100 + overlap)
    assert [float(blend_weight(frame, 100, overlap)) for frame in frames] == [share / 8 for share in eighths]


def test_a_mixture_is_rounded_to_the_nearest_level() -> None:
    def mixed(earlier: int, later: int, weight: float) -> int:
        return int(blend(np.array([earlier], np.uint8), np.array([later], np.uint8), np.float32(weight))[0])

    assert [mixed(10, 20, n / 8) for n in (1, 3, 5, 7)] == [11, 14, 16, 19]  # 11.25, 13.75, 16.25, 18.75
    assert [mixed(20, 10, n / 8) for n in (1, 3, 5, 7)] == [19, 16, 14, 11]
    assert (mixed(0, 255, 0.125), mixed(255, 0, 0.125)) == (32, 223)  # 31.875, 223.125


def test_a_block_keeps_its_overlap_and_sees_its_halo_on_both_sides_and_nothing_of_another_shot() -> None:
    assert lay_blocks([(0, 150), (150, 180)], block_length=50, overlap=5, halo=10) == [
        Block(0, 50, kept_start=0, kept_stop=55, seen_start=0, seen_stop=65, shot_start=0, shot_stop=150),
        Block(50, 100, kept_start=45, kept_stop=105, seen_start=35, seen_stop=115, shot_start=0, shot_stop=150),
        Block(100, 150, kept_start=95, kept_stop=150, seen_start=85, seen_stop=150, shot_start=0, shot_stop=150),
        Block(150, 180, kept_start=150, kept_stop=180, seen_start=150, seen_stop=180, shot_start=150, shot_stop=180),
    ]


@pytest.mark.parametrize(
    ("masked", "chunks"),
    [
        ([(0, 300)], [(0, 100), (100, 200), (200, 300)]),
        ([(0, 10), (60, 70), (290, 291)], [(0, 100), (250, 300)]),
        ([(10, 11), (110, 111), (210, 211)], [(0, 50), (100, 150), (200, 250)]),
    ],
    ids=["everywhere", "a_gap", "every_other_block"],
)
def test_a_chunk_is_made_of_neighbours_and_ends_as_soon_as_it_is_long_enough(
    masked: list[tuple[int, int]], chunks: list[tuple[int, int]]
) -> None:
    blocks = lay_blocks([(0, 300)], block_length=50, overlap=5, halo=10)
    _, found = plan_frames(300, blocks, masked_ranges(masked, 300), chunk_length=100, segment_length=40)
    assert [(chunk.blocks[0].start, chunk.blocks[-1].stop) for chunk in found] == chunks
    assert [chunk.frames for chunk in found] == [stop - start for start, stop in chunks], "no gap inside"


@given(st.sets(st.integers(0, 29)), st.integers(0, 29), st.integers(0, 30))
def test_a_span_is_masked_where_one_of_its_frames_is(frames: set[int], start: int, length: int) -> None:
    masked = masked_ranges([(frame, frame + 1) for frame in sorted(frames)], 30)
    assert masked(start, start + length) == any(start <= frame < start + length for frame in frames)
    assert masked_ranges([(3, 6)], 9)(5, 6)
    assert not masked_ranges([(3, 6)], 9)(6, 9)


@pytest.mark.parametrize(
    ("size", "side", "fitted"),
    [
        ((1920, 1080), 432, (432, 243)),
        ((854, 480), 432, (432, 243)),  # 242.8
        ((480, 854), 432, (243, 432)),
        ((1280, 534), 432, (432, 180)),  # 180.2
        ((4000, 3), 400, (400, 1)),  # 0.3
        ((64, 48), 64, (64, 48)),
        ((64, 48), 0, (64, 48)),
        ((64, 48), 100, (64, 48)),
    ],
)
def test_a_size_is_made_smaller_to_the_nearest_pixel_and_never_larger(
    size: tuple[int, int], side: int, fitted: tuple[int, int]
) -> None:
    assert fit(size, side) == fitted


@settings(deadline=None)
@given(shots, st.integers(2, 100))
def test_sub_videos_begin_at_the_shot_and_are_kept_once(shots: list[tuple[int, int]], length: int) -> None:
    frames = shots[-1][1]
    options = RestoreOptions(subvideo_length=length)
    blocks = lay_subvideos(shots, masked_ranges([(0, frames)], frames), options.schedule, length)
    assert [f for b in blocks for f in range(b.kept_start, b.kept_stop)] == list(range(frames))
    for block in blocks:
        assert (block.start - block.shot_start) % length == 0
        assert block.shot_start <= block.seen_start <= block.start < block.stop <= block.shot_stop
        assert block.seen_stop <= block.shot_stop


def test_flow_is_needed_as_far_as_sub_videos_around_a_mask_reach_and_no_further() -> None:
    options = RestoreOptions(subvideo_length=80)
    everywhere = masked_ranges([(0, 1000)], 1000)
    a_second = masked_ranges([(490, 515)], 1000)
    wide = lay_subvideos([(0, 1000)], everywhere, options.schedule, 80)[6]
    narrow = lay_subvideos([(0, 1000)], a_second, options.schedule, 80)[6]
    assert (wide.start, wide.seen_start, wide.seen_stop) == (480, 315, 726)
    assert wide.seen_start < narrow.seen_start <= 480 < narrow.seen_stop < wide.seen_stop


@pytest.mark.parametrize("engine", ["propagation", "propainter"])
@settings(deadline=None)
@given(frames=st.integers(1, 1200), length=st.integers(20, 90), chunk=st.integers(1, 300), segment=st.integers(1, 90))
def test_what_is_counted_for_a_million_items_is_what_would_be_laid_out(
    engine: str, frames: int, length: int, chunk: int, segment: int
) -> None:
    plan, flow = PlanConfig(block_length=length, chunk_length=chunk), FlowConfig(segment_length=segment)
    job = JobConfig(engine=engine, plan=plan, flow=flow, propainter=ProPainterConfig(subvideo_length=length))
    whole = [(0, frames)]
    blocks, everywhere = lay_shots(job, whole, whole, frames), masked_ranges(whole, frames)
    segments, chunks = plan_frames(frames, blocks, everywhere, chunk_length=chunk, segment_length=segment)
    counted = count_work(job, frames)
    assert (counted.segments, counted.chunks) == (len(segments), len(chunks))
    if engine == "propagation":
        assert counted.frames_seen == sum(block.seen_stop - block.seen_start for block in blocks)
