"""Parts hold the changed pixels, exactly, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from reelmend.core_model.engine import WindowCount
from reelmend.core_model.quality import FrameQuality
from reelmend.pipelines.media.boxes import bounding_box
from reelmend.pipelines.stages.parts import Part, Patch, cut_patch, encode_part
from reelmend.pipelines.storage.flow_cache.codec import decode_flow, encode_flow
from tests.clips import U8, Bool

QUALITY = FrameQuality(hole_px=40, seen_px=30, away_sum=90, rim_mismatch=2.5, flicker=1.25)

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


def patch_in(patches: list[Patch], frame: int) -> Patch:
    """What a part of these patches holds of a frame that it changes."""
    back = Part(encode_part(patches)).patch(frame)
    assert back is not None
    return back


@given(
    sizes.flatmap(lambda s: st.tuples(hnp.arrays(np.uint8, (*s, 3)), hnp.arrays(np.bool_, s))), st.integers(0, 10**9)
)
def test_a_patch_survives_its_part_exactly(clip: tuple[U8, Bool], frame: int) -> None:
    rgb, mask = clip
    patch = cut_patch(frame, rgb, mask, QUALITY)
    if patch is None:
        assert not mask.any()
        return
    back = patch_in([patch], frame)
    assert (back.left, back.top, back.quality) == (patch.left, patch.top, QUALITY)
    height, width = patch.mask.shape
    told = Part(encode_part([patch])).box(frame)
    assert told == (patch.left, patch.top, patch.left + width, patch.top + height)
    canvas = np.zeros_like(rgb)
    canvas[back.top :, back.left :][: back.mask.shape[0], : back.mask.shape[1]] = back.rgb
    assert np.array_equal(canvas, rgb * mask[..., None]), "masked pixels are kept, others are not stored"


def test_a_part_answers_none_for_frames_it_does_not_change() -> None:
    assert Part(encode_part([])).patch(3) is None
    assert Part(encode_part([])).box(3) is None


def test_patches_of_one_frame_come_back_as_one() -> None:
    rgb, masks = np.full((30, 40, 3), 9, np.uint8), np.zeros((2, 30, 40), np.bool_)
    masks[0, 2:5, 3:9] = masks[1, 20:24, 30:38] = True
    apart = [cut_patch(7, rgb + n, mask, QUALITY) for n, mask in enumerate(masks)]
    back = patch_in([patch for patch in apart if patch], 7)
    assert (back.left, back.top, back.mask.shape) == (3, 2, (22, 35))
    assert np.array_equal(back.mask, (masks[0] | masks[1])[2:24, 3:38])
    assert set(back.rgb[back.mask][:, 0]) == {9, 10}
    assert back.quality == QUALITY._replace(hole_px=80, seen_px=60, away_sum=180)


def test_frames_that_repeat_one_have_its_patch_and_change_nothing_since_the_frame_before() -> None:
    rgb, mask = np.full((8, 8, 3), 9, np.uint8), np.eye(8, dtype=np.bool_)
    patches = [patch for frame in (4, 7) if (patch := cut_patch(frame, rgb + frame, mask, QUALITY))]
    part = Part(encode_part(patches, repeats=[(4, 7)]))
    first, again = part.patch(4), part.patch(6)
    assert first is not None
    assert again is not None
    assert (again.frame, again.quality) == (6, QUALITY._replace(flicker=0.0))
    assert np.array_equal(again.rgb, first.rgb)
    assert part.quality(7) == QUALITY
    assert part.patch(8) is None
    assert part.box(5) == part.box(4)
    assert [part.distinct_number(frame) for frame in (3, 4, 5, 6, 7, 8)] == [3, 4, 4, 4, 5, 6]


def test_what_engines_count_of_windows_is_in_the_part() -> None:
    part = Part(encode_part([], windows=[WindowCount(5, 2), WindowCount(3, 3)]))
    assert part.windows == WindowCount(8, 5)
    assert Part(encode_part([])).windows == WindowCount(0, 0)


def test_the_bounding_box_is_tight() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[4, 7] = mask[9, 21] = True
    assert bounding_box(mask) == (7, 4, 22, 10)


@given(hnp.arrays(np.float32, (2, 3, 2, 4, 5), elements=st.floats(-511, 511, width=32)))
def test_flow_is_rounded_to_a_64th_of_a_pixel_and_then_to_float16_and_never_again(flows: NDArray[np.float32]) -> None:
    back = decode_flow(encode_flow(*flows))
    assert np.array_equal(back, (np.rint(flows * 64) / 64).astype(np.float16))
    assert np.array_equal(decode_flow(encode_flow(*back)), back)


@pytest.mark.parametrize("longest", [600, 5_000, 32_767])
def test_vectors_of_any_length_survive_the_cache_as_well_as_float16_holds_them(longest: int) -> None:
    flows = np.linspace(-longest, longest, 240, dtype=np.float32).reshape(2, 3, 2, 4, 5)
    assert np.allclose(decode_flow(encode_flow(*flows)), flows, rtol=2**-11, atol=longest / 2**15)


def test_vectors_that_no_picture_has_are_cut_off_and_a_segment_may_be_empty() -> None:
    flows = np.full((2, 1, 2, 3, 4), -1e6, np.float32)
    assert (decode_flow(encode_flow(*flows)) == np.float16(-32767)).all()
    assert decode_flow(encode_flow(*flows[:, :0])).shape == (2, 0, 2, 3, 4)
