"""Windows in which propagation left nothing missing keep what it brought, and nothing else changes."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.engine import U8, WindowCount
from reelmend.core_model.metrics import psnr
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.propainter.early_exit import fit_to_rim
from reelmend.core_model.propainter.engine import Networks, ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from tests.core_model.moving_parts import still
from tests.released import shared, with_test_weights

FRAMES, CUT = 8, 5
OPTIONS = RestoreOptions(neighbor_length=2, ref_stride=3, subvideo_length=20)
EARLY = replace(OPTIONS, early_exit=True)


@pytest.fixture(scope="module")
def networks() -> Networks:
    """The flow completion says of every hole that nothing moves there."""
    completion = with_test_weights(FlowCompletion())
    last = completion.upsample[2].conv
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    last.weight.zero_()
    last.bias.zero_()
    return completion, shared(InpaintGenerator)


@pytest.fixture(scope="module")
def shot() -> ArrayShot:
    """A scene that stands still. Its hole moves up to frame 5, from where on it stays and no flow leads back."""
    frames = still(FRAMES, 24, 40)
    masks = np.zeros((FRAMES, 24, 40), bool)
    for t in range(FRAMES):
        left = 4 + 6 * t if t < CUT else 6
        masks[t, 8:16, left : left + 6] = True
    flow = np.zeros((FRAMES - 1, 2, 24, 40), np.float32)
    back = flow.copy()
    flow[CUT - 1], back[CUT - 1] = 9, 9
    return ArrayShot(frames, masks, flow, back)


def restored(networks: Networks, shot: ArrayShot, options: RestoreOptions, *cuts: int) -> tuple[U8, list[WindowCount]]:
    engine = ProPainterEngine(lambda: networks, "", options)
    pieces = [engine.restore(shot, *cut) for cut in pairwise((0, *cuts, FRAMES))]
    return np.concatenate([piece.frames for piece in pieces]), [piece.windows for piece in pieces if piece.windows]


class Generated:
    """What the decoder gave, window by window."""

    def __init__(self) -> None:
        self.images: list[NDArray[np.float32]] = []

    def __call__(self, _: object, args: object, image: torch.Tensor) -> None:
        self.images.append(image.float().numpy())


@pytest.fixture
def generated(networks: Networks) -> Iterator[Generated]:
    seen = Generated()
    hook = networks[1].decoder.register_forward_hook(seen)
    yield seen
    hook.remove()


@pytest.fixture(scope="module")
def whole(networks: Networks, shot: ArrayShot) -> tuple[U8, list[WindowCount]]:
    return restored(networks, shot, EARLY)


def test_what_propagation_brought_is_kept_and_windows_with_anything_left_are_generated(
    networks: Networks, shot: ArrayShot, generated: Generated
) -> None:
    """Windows are three frames around each frame: those around 0 to 3 end before the cut."""
    frames, counts = restored(networks, shot, EARLY)
    assert counts == [WindowCount(all=FRAMES, exited=4)]
    assert len(generated.images) == FRAMES - 4
    kept = slice(0, 3)  # in no generated window
    assert psnr(frames[kept], shot.pictures[kept], shot.holes[kept]) > 40


def test_a_frame_in_windows_of_both_kinds_shows_their_running_mean(
    networks: Networks, shot: ArrayShot, generated: Generated
) -> None:
    """Frame 3 is in the windows around 2 and 3, which exit, and is the first frame of the one around 4."""
    frames, _ = restored(networks, shot, EARLY)
    mask, t = shot.holes[3], 3
    kept = fit_to_rim(np.ascontiguousarray(shot.pictures[t].transpose(2, 0, 1)), mask)  # a still scene: the truth
    around = np.asarray(shot.holes[3:6].any(0))
    rows, columns = np.flatnonzero(around.any(1)), np.flatnonzero(around.any(0))
    image = np.zeros((24, 40, 3), np.float32)
    image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = generated.images[0][0].transpose(1, 2, 0)
    expected = ((kept + kept) / 2 + (image[mask] + 1) / 2 * 255) / 2
    assert np.abs(frames[t][mask] - expected).max() <= 0.51


@pytest.mark.parametrize("cuts", [(4,), (1, 5, 6)])
def test_pieces_are_the_whole_and_count_each_window_once(
    networks: Networks, shot: ArrayShot, whole: tuple[U8, list[WindowCount]], cuts: tuple[int, ...]
) -> None:
    frames, counts = restored(networks, shot, EARLY, *cuts)
    assert np.array_equal(frames, whole[0])
    assert sum(count.all for count in counts) == FRAMES
    assert sum(count.exited for count in counts) == 4


def test_another_engine_that_begins_in_the_middle_gives_the_same(
    networks: Networks, shot: ArrayShot, whole: tuple[U8, list[WindowCount]]
) -> None:
    engine = ProPainterEngine(lambda: networks, "", replace(EARLY, window_batch=1))
    piece = engine.restore(shot, 3, 5)
    assert np.array_equal(piece.frames, whole[0][3:5])
    assert piece.windows == WindowCount(all=2, exited=1)


def test_the_switch_is_part_of_the_digest_where_it_is_on() -> None:
    assert EARLY.picture == f"{OPTIONS.picture}-exit1"


def test_light_that_differs_is_fitted_to_the_rim() -> None:
    scene = still(1, 40, 60)[0].transpose(2, 0, 1) // 2 + 40
    mask = np.zeros((40, 60), bool)
    mask[12:28, 20:36] = True
    brighter = scene + 25 * mask.astype(np.uint8)
    truth = scene[:, mask].T.astype(float)
    assert np.abs(fit_to_rim(brighter, mask) - truth).mean() < 3
    assert np.abs(fit_to_rim(scene, mask) - truth).mean() < 2


def test_a_frame_that_is_masked_whole_has_no_rim() -> None:
    scene = still(1, 16, 16)[0].transpose(2, 0, 1)
    assert np.array_equal(fit_to_rim(scene, np.ones((16, 16), bool)), scene.reshape(3, -1).T)
