"""Does propagation compute what its source defines, and does warping keep its conventions?"""

from pathlib import Path

import numpy as np
import pytest
import torch

from reelmend.core_model.networks.image_propagation import propagate_images
from reelmend.core_model.networks.warp import Sampling, warp

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "image_propagation_64x96.npz"


def test_propagation_equals_the_published_one() -> None:
    golden = np.load(GOLDEN)
    masks = torch.from_numpy(golden["masks"])[None, :, None]
    frames = torch.from_numpy(golden["frames"]).permute(0, 3, 1, 2)[None] / 255 * 2 - 1
    flow_fwd, flow_bwd = (torch.from_numpy(golden[name])[None] for name in ("flow_forward", "flow_backward"))
    images, unseen = propagate_images(frames * (1 - masks), masks, flow_fwd, flow_bwd)
    allowed = golden["masks"].sum() // 1000  # pixels whose thresholds lie on the edge
    differs = np.abs(images[0].numpy() - golden["propagated"]).max(1) > 1e-5
    assert differs.sum() <= allowed
    assert (unseen[0, :, 0].numpy() != (golden["updated_masks"] > 0)).sum() <= allowed


def test_bytes_are_propagated_as_bytes_and_only_into_the_mask() -> None:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (1, 4, 3, 20, 30), dtype=torch.uint8, generator=generator)
    masks = torch.zeros(1, 4, 1, 20, 30, dtype=torch.bool)
    masks[:, 1:3, :, 5:9, 6:12] = True
    flow = torch.zeros(1, 3, 2, 20, 30)
    images, unseen = propagate_images(frames, masks, flow, flow)
    assert images.dtype == torch.uint8
    assert not unseen.any()
    assert torch.equal(images[0, 1, :, 5:9, 6:12], frames[0, 3, :, 5:9, 6:12])  # later frames are asked first
    outside = ~masks.expand_as(frames)
    assert torch.equal(images[outside], frames[outside])


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_warp_reads_where_the_flow_leads_and_zero_outside(mode: Sampling) -> None:
    x = torch.arange(1.0, 13.0).reshape(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0], flow[:, 1] = 1, -1
    expected = torch.tensor([[0, 0, 0, 0], [2, 3, 4, 0], [6, 7, 8, 0]], dtype=torch.float32)
    assert torch.allclose(warp(x, flow, mode)[0, 0], expected, atol=1e-5)


def test_warp_of_a_single_pixel_is_defined() -> None:
    assert warp(torch.full((1, 1, 1, 1), 5.0), torch.zeros(1, 2, 1, 1)).item() == 5.0
    assert warp(torch.full((1, 1, 1, 1), 5.0), torch.full((1, 2, 1, 1), 2.0)).item() == 0.0


def test_warp_names_both_shapes_when_they_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\[1, 3, 4, 5\] and \[1, 2, 4, 6\]"):
        warp(torch.zeros(1, 3, 4, 5), torch.zeros(1, 2, 4, 6))
