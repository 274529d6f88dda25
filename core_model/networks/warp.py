"""Warping of images and features along optical flow.

Legend: B batch, C channels, H W height and width. A flow has channels (dx, dy) in pixels.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

Sampling = Literal["bilinear", "nearest"]


def warp(x_BCHW: Tensor, flow_B2HW: Tensor, mode: Sampling = "bilinear") -> Tensor:
    """Sample x at (column + dx, row + dy); what is outside of x is zero.

    `bilinear` needs a floating x. `nearest` copies values, so that x may be of any type (u8 stays u8); ties go to the
    even pixel. Returns the shape and type of x. Raises ValueError when the shapes do not fit.
    """
    if x_BCHW.ndim != 4 or flow_B2HW.shape != (x_BCHW.shape[0], 2, *x_BCHW.shape[2:]):
        raise ValueError(
            f"warp: expected x [B, C, H, W] and flow [B, 2, H, W], got {[*x_BCHW.shape]} and {[*flow_B2HW.shape]}"
        )
    height, width = x_BCHW.shape[2:]
    columns_BHW = flow_B2HW[:, 0] + torch.arange(width, device=flow_B2HW.device, dtype=flow_B2HW.dtype)
    rows_BHW = flow_B2HW[:, 1] + torch.arange(height, device=flow_B2HW.device, dtype=flow_B2HW.dtype)[:, None]
    if mode == "bilinear":
        return _bilinear(x_BCHW, columns_BHW, rows_BHW)
    return _nearest(x_BCHW, columns_BHW, rows_BHW)


def _bilinear(x_BCHW: Tensor, columns_BHW: Tensor, rows_BHW: Tensor) -> Tensor:
    height, width = x_BCHW.shape[2:]
    if height == 1 or width == 1:  # align_corners divides by side - 1; a further line of zeros changes nothing else
        padded = pad(x_BCHW, (0, 1, 0, 1))
        return _bilinear(padded, columns_BHW, rows_BHW)
    grid_BHW2 = torch.stack((columns_BHW * (2 / (width - 1)) - 1, rows_BHW * (2 / (height - 1)) - 1), dim=-1)
    return grid_sample(x_BCHW, grid_BHW2.to(x_BCHW.dtype), "bilinear", "zeros", align_corners=True)


def _nearest(x_BCHW: Tensor, columns_BHW: Tensor, rows_BHW: Tensor) -> Tensor:
    height, width = x_BCHW.shape[2:]
    columns, rows = columns_BHW.round(), rows_BHW.round()
    inside = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    at_BHW = rows.clamp(0, height - 1).long() * width + columns.clamp(0, width - 1).long()
    taken = x_BCHW.flatten(2).gather(2, at_BHW.flatten(1)[:, None].expand(-1, x_BCHW.shape[1], -1))
    return taken.reshape(*x_BCHW.shape[:2], *at_BHW.shape[1:]) * inside[:, None].to(x_BCHW.dtype)
