"""How does a mask come to lie on its video's pixels: turned, resized, thresholded, grown?"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.config import MaskConfig
from pipelines.errors import MaskError
from pipelines.media.records import VideoHeader, VideoInfo, turned_size

Bool = NDArray[np.bool_]
U8 = NDArray[np.uint8]

ASPECT_TOLERANCE = 0.02
"""Relative difference of width/height up to which a mask of another size is taken to show the same picture."""
_FEW_STEPS = 8
"""Up to here, steps one by one are faster than the distance of every pixel to the mask."""
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def fitted(levels: U8, path: Path, info: VideoInfo, config: MaskConfig, own_rotation: int = 0) -> Bool:
    """Return grey levels u8 [h, w] as the read-only mask bool [H, W] of a video's coded frames.

    `own_rotation` is the degrees clockwise by which a player turns the mask itself. Raises MaskError when the mask
    shows another shape of picture than the video; `path` is for its message.
    """
    missing = (levels > config.threshold).astype(np.uint8)
    missing = np.rot90(missing, _quarter_turns((missing.shape[1], missing.shape[0]), path, info, own_rotation))
    if missing.shape != (info.height, info.width):
        missing = scaled(missing, (info.width, info.height))
    mask = grown(missing, config.dilation).astype(np.bool_)
    mask.flags.writeable = False
    return mask


def scaled(missing: U8, size: tuple[int, int]) -> U8:
    """Return the mask at another size (width, height), by nearest neighbour."""
    return _u8(cv2.resize(np.ascontiguousarray(missing), size, interpolation=cv2.INTER_NEAREST_EXACT))


def grown(missing: U8, pixels: int) -> U8:
    """Return the mask, 0 and 1, grown by so many pixels, by a cross once a pixel.

    That covers what lies within as many steps along rows and columns, so that many steps are taken at once.
    """
    if pixels <= 0 or not missing.any():
        return missing
    missing = np.ascontiguousarray(missing)
    if pixels <= _FEW_STEPS:
        return _u8(cv2.dilate(missing, _CROSS, iterations=pixels))
    steps = cv2.distanceTransform(1 - missing, cv2.DIST_L1, 3)
    return _u8((steps <= pixels).astype(np.uint8))


def _u8(image: NDArray[Any]) -> U8:
    """OpenCV's annotations do not say that the kind of the samples stays what it was."""
    return image


def refuse_other_shape(size: tuple[int, int], path: Path, info: VideoInfo | VideoHeader, own_rotation: int = 0) -> None:
    """Raise MaskError when a mask of the size (width, height) shows another shape of picture than its video."""
    _quarter_turns(size, path, info, own_rotation)


def _quarter_turns(size: tuple[int, int], path: Path, info: VideoInfo | VideoHeader, own_rotation: int) -> int:
    """Return the quarter turns anticlockwise that bring a mask into the video's coded orientation.

    A mask is drawn on, or made from, the picture as it is seen. So it is compared in that orientation first, and as the
    video is coded only when that does not fit.
    """
    width, height = size
    if _alike(turned_size(width, height, own_rotation), info.display_size, info):
        return ((info.rotation - own_rotation) // 90) % 4
    if _alike((width, height), (info.width, info.height), info):
        return 0
    raise MaskError(
        f"{path}: the mask has {width}x{height} pixels, its video {info.path.name} {info.width}x{info.height}"
        + (f" (shown {info.display_size[0]}x{info.display_size[1]})" if info.rotation in (90, 270) else "")
        + ": not the same shape"
    )


def _alike(mask: tuple[int, int], video: tuple[int, int], info: VideoInfo | VideoHeader) -> bool:
    """True for the same aspect, counted in the video's samples or in square pixels."""
    aspect = (mask[0] / mask[1]) / (video[0] / video[1])
    stretch = float(info.sample_aspect)
    shown = 1 / stretch if info.rotation in (90, 270) and video == info.display_size else stretch
    return any(abs(aspect / factor - 1) <= ASPECT_TOLERANCE for factor in (1.0, shown))
