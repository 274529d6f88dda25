"""What colours does a hole get from the two trails of each pixel, without seams?

Each pixel takes its colour where its trail ends, the nearer frame in time counting more. Frames differ in light and
blur, so patches from different frames would show: what is trusted are the differences between neighbours in the
frame they come from, and the colours follow from these and the pixels around the hole (gradient-domain blending, as in
Gao et al., "Flow-edge Guided Video Completion", ECCV 2020).

Legend: T frames, H W height and width, h w a crop around the hole, N the masked pixels of one frame in row-major order.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.hole_flow import bounding_window
from core_model.poisson import Edges, solve_poisson
from core_model.trails import Trail

F32 = NDArray[np.float32]

# Differences from several frames contradict each other a little. This weight on staying as it was keeps that from
# adding up to a glow in wide holes; the edge still reaches some thirty pixels in.
_HOLD = np.float32(0.001)
_SMOOTHNESS = np.float32(0.05)  # weight of an edge whose difference no frame shows: too little to pull at those shown
# The same at the edge of the hole: a patch whose frame did not show what lies beside it must not keep its own light.
_SEAM = np.float32(0.3)
_GREY = 128
_NEIGHBOURS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # (dx, dy)


class _Seen(NamedTuple):
    colour: F32  # [N, 3]
    weight: F32  # [N]
    step: F32  # [4, N, 3], the neighbour's colour less the pixel's own, for each of _NEIGHBOURS
    step_weight: F32  # [4, N]


def blend(frames_THWC: U8, masks_THW: Bool, t: int, trails: Iterable[Trail]) -> tuple[U8, Bool]:
    """Return the colours [N, 3] of frame t's masked pixels, and which of them [N] a trail shows.

    What no trail shows continues its surroundings smoothly; grey where nothing is known. Masked pixels are not read.
    """
    mask_HW = masks_THW[t]
    found = _gather(frames_THWC, masks_THW, t, trails)
    seen_N = found.weight > 0
    window = bounding_window(mask_HW).grown(1, *mask_HW.shape)
    mask = mask_HW[window.slices]
    image = frames_THWC[t][window.slices].transpose(2, 0, 1).astype(np.float32)
    image[:, mask] = found.colour.T
    known = ~mask
    known[mask] = seen_N
    image[:, ~known] = image[:, known].mean(1)[:, None] if known.any() else _GREY
    differences, weights = _edges(found, mask, known)
    blended = solve_poisson(image, mask, differences, weights, _HOLD * (mask & known))
    return (blended[:, mask].T.clip(0, 255) + 0.5).astype(np.uint8), seen_N


def sample(frames_THWC: U8, missing_THW: Bool, frame_N: NDArray[np.intp], x_N: F32, y_N: F32) -> F32:
    """Return float32 [N, 3]: bilinear samples, each of its own frame; missing pixels do not count (all four: 0)."""
    height, width = frames_THWC.shape[1:3]
    x_N, y_N = x_N.clip(0, width - 1), y_N.clip(0, height - 1)
    left, top = x_N.astype(np.intp), y_N.astype(np.intp)
    part_x, part_y = (x_N - left).astype(np.float32), (y_N - top).astype(np.float32)
    top_left = (frame_N * height + top) * width + left
    to_right, to_bottom = (left < width - 1).astype(np.intp), (top < height - 1) * np.intp(width)
    pixels, missing = frames_THWC.reshape(-1, 3), missing_THW.reshape(-1)
    total = np.zeros((len(x_N), 3), np.float32)
    weights = np.zeros(len(x_N), np.float32)
    for along_x, share_x in ((0, 1 - part_x), (to_right, part_x)):
        for along_y, share_y in ((0, 1 - part_y), (to_bottom, part_y)):
            tap = top_left + along_x + along_y
            weight = share_x * share_y * ~missing.take(tap)
            total += weight[:, None] * pixels.take(tap, axis=0)
            weights += weight
    total /= np.maximum(weights, np.float32(1e-6))[:, None]
    return total


def _gather(frames: U8, masks: Bool, t: int, trails: Iterable[Trail]) -> _Seen:
    count = int(masks[t].sum())
    colour, weight = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    step, step_weight = np.zeros((4, count, 3), np.float32), np.zeros((4, count), np.float32)
    for trail in trails:
        found, frame, x, y = trail.ends(t, masks[t])
        whole = _visible(masks, frame, x, y)  # a long way may end a little beside what its last step saw
        found, frame, x, y = found[whole], frame[whole], x[whole], y[whole]
        trust = 1 / np.square(trail.age[found].astype(np.float32))
        own = sample(frames, masks, frame, x, y)
        colour[found] += trust[:, None] * own
        weight[found] += trust
        for side, (dx, dy) in enumerate(_NEIGHBOURS):
            visible = trust * _visible(masks, frame, x + dx, y + dy)
            step[side, found] += visible[:, None] * (sample(frames, masks, frame, x + dx, y + dy) - own)
            step_weight[side, found] += visible
    tiny = np.float32(1e-12)
    colour /= np.maximum(weight, tiny)[:, None]
    step /= np.maximum(step_weight, tiny)[..., None]
    return _Seen(colour, weight, step, step_weight)


def _visible(masks: Bool, frame: NDArray[np.intp], x: F32, y: F32) -> Bool:
    height, width = masks.shape[1:]
    columns, rows = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    visible: Bool = inside & ~masks[frame, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return visible


def _edges(found: _Seen, mask_hw: Bool, known_hw: Bool) -> tuple[Edges, Edges]:
    """Differences and weights of all edges: the mean of what the pixels at both ends saw; smooth where neither did."""
    step = np.zeros((4, 3, *mask_hw.shape), np.float32)
    count = np.zeros((4, *mask_hw.shape), np.float32)
    step[:, :, mask_hw] = (found.step * (found.step_weight[..., None] > 0)).transpose(0, 2, 1)
    count[:, mask_hw] = found.step_weight > 0
    right_count = (count[0][:, :-1] + count[1][:, 1:]) * (known_hw[:, 1:] & known_hw[:, :-1])
    down_count = (count[2][:-1] + count[3][1:]) * (known_hw[1:] & known_hw[:-1])
    right = (step[0][..., :-1] - step[1][..., 1:]) * (right_count > 0) / np.maximum(right_count, 1)
    down = (step[2][:, :-1] - step[3][:, 1:]) * (down_count > 0) / np.maximum(down_count, 1)
    seams = mask_hw[:, 1:] != mask_hw[:, :-1], mask_hw[1:] != mask_hw[:-1]
    weights = (
        np.where(seen > 0, np.float32(1), np.where(seam, _SEAM, _SMOOTHNESS))
        for seen, seam in zip((right_count, down_count), seams, strict=True)
    )
    return Edges(right, down), Edges(*weights)
