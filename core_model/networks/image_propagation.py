"""Propagation of pixels between neighbouring frames along the flow.

Flow-guided image propagation without weights (Zhou et al., "ProPainter", ICCV 2023, section 3.2).

Legend: B batch, T frames, C channels, H W height and width. A mask is True where content is missing. A flow has
channels (dx, dy) in pixels; forward flow t leads from frame t to t+1, backward flow t from frame t+1 to t.
The image may be anything that is on the pixel grid and can be copied: RGB as u8 or float, or where it came from.
"""

import torch
from torch import Tensor

from reelmend.core_model.networks.warp import warp

# A pair of flows agrees where going there and back misses by less than this: squared pixels, relative and absolute.
_RELATIVE_MISS = 0.01
_ABSOLUTE_MISS = 0.5
_HOLE_SHARE = 0.1  # a bilinear sample is missing when more of it than this is in a hole


def consistent(flow_B2HW: Tensor, back_B2HW: Tensor) -> Tensor:
    """Return bool [B, 1, H, W]: `back`, read where `flow` leads, leads home again. Outside the frame it is zero."""
    home_B2HW = warp(back_B2HW, flow_B2HW)
    miss = (flow_B2HW + home_B2HW).square().sum(1, keepdim=True)
    length = flow_B2HW.square().sum(1, keepdim=True) + home_B2HW.square().sum(1, keepdim=True)
    return miss < _RELATIVE_MISS * length + _ABSOLUTE_MISS


def propagate_step(
    image_BCHW: Tensor,
    mask_B1HW: Tensor,
    previous_BCHW: Tensor,
    previous_mask_B1HW: Tensor,
    flow_B2HW: Tensor,
    back_B2HW: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Fill one frame's missing pixels from the frame visited before.

    `flow` leads from this frame to the previous one, `back` from there to here; masks are bool. Returns (image, mask of
    what is still missing, mask of what was taken). Previous pixels are copied by nearest sampling, never mixed.
    """
    shown_B1HW = warp(previous_mask_B1HW.to(flow_B2HW.dtype), flow_B2HW) <= _HOLE_SHARE
    usable_B1HW = consistent(flow_B2HW, back_B2HW) & shown_B1HW
    taken_B1HW = mask_B1HW & usable_B1HW
    image = torch.where(taken_B1HW, warp(previous_BCHW, flow_B2HW, "nearest"), image_BCHW)
    return image, mask_B1HW & ~usable_B1HW, taken_B1HW


def propagate_images(
    images_BTCHW: Tensor,
    masks_BT1HW: Tensor,
    flow_fwd_BT2HW: Tensor,
    flow_bwd_BT2HW: Tensor,
    device: torch.device | None = None,
) -> tuple[Tensor, Tensor]:
    """Fill a clip's missing pixels from its other frames: from the last frame to the first, then back over the result.

    Flows are [B, T-1, 2, H, W] and completed inside the masks. Returns (images [B, T, C, H, W] of the same type, masks
    bool [B, T, 1, H, W] of the pixels that no frame shows). Pixels outside the masks are returned unchanged.
    A clip in host memory can be worked on by a `device`, two frames at a time; the result lies where the clip does.
    """
    images, masks = list(images_BTCHW.unbind(1)), list((masks_BT1HW > 0).unbind(1))

    def fill(t: int, previous: int, flow: Tensor, back: Tensor) -> None:
        known = (images[t], masks[t], images[previous], masks[previous], flow, back)
        filled, missing, _ = propagate_step(*(x.to(device) for x in known))
        images[t], masks[t] = filled.to(images_BTCHW.device), missing.to(images_BTCHW.device)

    last = len(images) - 1
    for t in range(last - 1, -1, -1):
        fill(t, t + 1, flow_fwd_BT2HW[:, t], flow_bwd_BT2HW[:, t])
    for t in range(1, last + 1):
        fill(t, t - 1, flow_bwd_BT2HW[:, t - 1], flow_fwd_BT2HW[:, t - 1])
    return torch.stack(images, 1), torch.stack(masks, 1)
