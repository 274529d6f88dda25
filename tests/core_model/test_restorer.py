import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restorer import Restorer, dilate
from tests.released import Networks, shared_networks

QUICK: dict[str, Any] = {"raft_iterations": 1, "mask_dilation": 1}


@pytest.fixture(scope="module")
def networks() -> Networks:
    return shared_networks()


def _clip(frames: int, height: int, width: int) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), np.uint8)


@pytest.mark.parametrize("name", ["clip_short_128x160", "clip_long_128x160"])
@pytest.mark.skipif("REELMEND_GOLDEN" not in os.environ, reason="REELMEND_GOLDEN names no folder with golden clips")
def test_a_clip_is_restored_as_by_the_published_script(networks: Networks, name: str) -> None:
    case = np.load(Path(os.environ["REELMEND_GOLDEN"]) / f"{name}.npz")
    given = json.loads(str(case["args"]))
    given["raft_iterations"] = given.pop("raft_iter")
    options = RestoreOptions(**given, blending="published")
    restored = Restorer(*networks, options)(case["frames"], case["masks"])
    inside = dilate(case["masks"], options.mask_dilation)
    difference = np.abs(restored.astype(int) - case["output"]).max(-1)
    assert difference[~inside].max() == 0
    assert (difference[inside] > 1).mean() <= 0.005


def test_frames_that_are_all_mask_are_restored(networks: Networks) -> None:
    frames = _clip(2, 24, 32)
    restored = Restorer(*networks, RestoreOptions(**QUICK))(frames, np.ones((2, 24, 32), np.uint8))
    assert not np.array_equal(restored, frames)


def test_what_is_under_the_mask_does_not_show_in_a_single_frame(
    networks: Networks,
) -> None:
    frames, masks = _clip(1, 24, 32), np.zeros((1, 24, 32), bool)
    masks[:, 8:16, 8:16] = True
    other = np.where(masks[..., None], 255 - frames, frames)
    restore = Restorer(*networks, RestoreOptions(mask_dilation=0))
    assert np.array_equal(restore(frames, masks), restore(other, masks))


def test_a_clip_without_a_mask_is_returned_as_it_is(networks: Networks) -> None:
    frames = _clip(3, 40, 56)
    restored = Restorer(*networks, RestoreOptions())(frames, np.zeros((3, 40, 56), np.uint8))
    assert np.array_equal(restored, frames)


def test_windows_without_a_mask_and_decoding_around_it_change_nothing_that_is_seen(
    networks: Networks,
) -> None:
    """Masked at the end only: the first windows are skipped, and the picture there stays the source's."""
    frames, masks = _clip(6, 40, 48), np.zeros((6, 40, 48), np.uint8)
    masks[5, 10:20, 20:30] = 1
    restored = Restorer(*networks, RestoreOptions(neighbor_length=2, ref_stride=4, **QUICK))(frames, masks)
    assert np.array_equal(restored[:5], frames[:5])
    assert not np.array_equal(restored[5], frames[5])


def test_dilation_grows_a_diamond_and_zero_grows_nothing() -> None:
    mask = np.zeros((1, 7, 7), np.uint8)
    mask[0, 3, 3] = 7
    assert dilate(mask, 0).sum() == 1
    assert dilate(mask, 2)[0].sum() == 13
    assert dilate(mask, 2)[0, 1, 3]


@pytest.mark.parametrize(
    ("frames", "masks"), [((0, 8, 8, 3), (0, 8, 8)), ((2, 8, 8, 3), (2, 9, 8)), ((2, 8, 8, 4), (2, 8, 8))]
)
def test_clips_that_do_not_fit_are_refused_with_their_shapes(
    networks: Networks,
    frames: tuple[int, int, int, int],
    masks: tuple[int, int, int],
) -> None:
    with pytest.raises(ValueError, match="expected u8 frames"):
        Restorer(*networks, RestoreOptions())(np.zeros(frames, np.uint8), np.zeros(masks, np.uint8))


def test_options_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="ref_stride of at least 1, got 0"):
        RestoreOptions(ref_stride=0)
    half: Any = "half"
    with pytest.raises(ValueError, match=r"precision to be one of .*'bf16'.*, got 'half'"):
        Execution(precision=half)
