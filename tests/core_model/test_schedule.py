import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.schedule import Schedule, flow_subvideos, generator_windows, image_subvideos
from reelmend.core_model.propainter.workload import extra_work
from reelmend.pipelines.config import PlanConfig

DEFAULTS = {"neighbor_length": 10, "ref_stride": 10, "subvideo_length": 80}


def test_a_clip_no_longer_than_a_sub_video_is_computed_at_once() -> None:
    assert flow_subvideos(80, 80) == [(0, 0, 80, 80)]
    assert image_subvideos(80, 80) == [(0, 0, 80, 80)]


def test_a_longer_one_in_blocks_that_see_a_margin() -> None:
    assert flow_subvideos(90, 80) == [(0, 0, 80, 85), (75, 80, 90, 90)]
    assert image_subvideos(250, 300) == [(0, 0, 100, 110), (90, 100, 200, 210), (190, 200, 250, 250)]


@pytest.mark.parametrize("frames", [1, 79, 80, 81, 163])
def test_blocks_keep_every_frame_once_and_cut_off_their_margins(frames: int) -> None:
    kept = []
    for block in image_subvideos(frames, 80):
        kept += [*range(frames)][block.read][block.kept]
        assert [*range(frames)][block.place] == [*range(frames)][block.read][block.kept]
    assert kept == [*range(frames)]


def test_windows_of_a_short_clip_look_at_references_of_the_whole_clip() -> None:
    windows = generator_windows(24, **DEFAULTS)
    assert [window.local for window in windows] == [range(6), range(11), range(5, 16), range(10, 21), range(15, 24)]
    assert [window.references for window in windows] == [(10, 20), (20,), (0, 20), (0,), (0, 10)]


def test_windows_of_a_long_clip_look_at_references_around_them() -> None:
    window = generator_windows(200, **DEFAULTS)[20]
    assert window.local == range(95, 106)
    assert window.references == (60, 70, 80, 90, 110, 120, 130)
    assert generator_windows(200, **DEFAULTS)[1].references == (20, 30, 40)


def test_every_frame_is_local_to_a_window() -> None:
    for frames in (1, 2, 5, 11, 97):
        windows = generator_windows(frames, neighbor_length=6, ref_stride=4, subvideo_length=10)
        assert {t for window in windows for t in window.local} == set(range(frames))


def test_a_thousand_frames_in_chunks_of_the_default_length_take_at_most_a_tenth_more_operations() -> None:
    """Even when every chunk begins anew; a worker that goes on with the next one adds nothing."""
    schedule = RestoreOptions().schedule(1000)
    length = PlanConfig().chunk_length
    chunks = [(start, min(start + length, 1000)) for start in range(0, 1000, length)]
    assert 0 < extra_work(schedule, 1000, chunks) <= 0.1
    assert extra_work(schedule, 1000, [(0, 1000)]) == 0


@given(st.integers(1, 400), st.integers(0, 399), st.integers(1, 100), st.integers(2, 90))
def test_windows_over_a_piece_are_all_that_complete_any_of_its_frames(
    frames: int, start: int, length: int, subvideo_length: int
) -> None:
    start = min(start, frames - 1)
    stop = min(start + length, frames)
    schedule = Schedule(frames, neighbor_length=10, ref_stride=10, subvideo_length=subvideo_length)
    expected = [n for n, w in enumerate(schedule.windows) if set(w.local) & set(range(start, stop))]
    assert list(schedule.windows_over(start, stop)) == expected


def test_where_nothing_is_masked_nothing_is_needed() -> None:
    needs = RestoreOptions().schedule(400).needs(0, 400, lambda start, stop: False)
    assert not any(needs)


def test_a_mask_needs_the_windows_that_complete_it_and_the_flow_of_their_sub_videos() -> None:
    needs = RestoreOptions().schedule(400).needs(80, 160, lambda start, stop: start <= 100 < stop)
    assert needs.windows == {19, 20, 21}
    assert {(block.start, block.stop) for block in needs.completed} == {(80, 160)}
