"""Parts hold the changed pixels, exactly, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipelines.flow_cache import decode_flow, encode_flow
from pipelines.parts import Part, bounding_box, cut_patch, encode_part

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


@given(
    sizes.flatmap(lambda s: st.tuples(hnp.arrays(np.uint8, (*s, 3)), hnp.arrays(np.bool_, s))), st.integers(0, 10**9)
)
def test_a_patch_survives_its_part_exactly(clip, frame):
    rgb, mask = clip
    patch = cut_patch(frame, rgb, mask)
    if patch is None:
        assert not mask.any()
        return
    back = Part(encode_part([patch])).patch(frame)
    assert (back.left, back.top) == (patch.left, patch.top)
    canvas = np.zeros_like(rgb)
    canvas[back.top :, back.left :][: back.mask.shape[0], : back.mask.shape[1]] = back.rgb
    assert np.array_equal(canvas, rgb * mask[..., None]), "masked pixels are kept, others are not stored"


def test_a_part_answers_none_for_frames_it_does_not_change():
    assert Part(encode_part([])).patch(3) is None


def test_the_bounding_box_is_tight():
    mask = np.zeros((20, 30), np.bool_)
    mask[4, 7] = mask[9, 21] = True
    assert bounding_box(mask) == (7, 4, 22, 10)


@given(hnp.arrays(np.float16, (2, 3, 2, 4, 5), elements=st.floats(-500, 500, width=16)))
def test_flow_survives_the_cache_bit_for_bit(flows):
    back = decode_flow(encode_flow(*flows.astype(np.float32)))
    assert np.array_equal(back, flows)
