"""Alignment of a mask with its video's pixels: rotated, resized, thresholded, grown."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.records import VideoHeader, VideoInfo, turned_size
from reelmend.pipelines.media.rotation import as_coded, as_shown

Bool = NDArray[np.bool_]
U8 = NDArray[np.uint8]

ASPECT_TOLERANCE = 0.02
"""Relative difference of width/height up to which a mask of another size is taken to show the same picture."""
_FEW_STEPS = 8
"""Up to here, steps one by one are faster than the distance of every pixel to the mask."""
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def fitted(
    levels: U8, path: Path, info: VideoInfo, config: MaskConfig, own_rotation: int = 0, own_mirrored: bool = False
) -> Bool:
    """Return grey levels u8 [h, w] as the read-only mask bool [H, W] of a video's coded frames.

    `own_rotation` is the degrees clockwise by which a player turns the mask itself once it is mirrored. Raises
    MaskError when the mask shows another shape of picture than the video; `path` is for its message.
    """
    missing = ((levels > config.threshold) ^ config.invert).astype(np.uint8)
    if _drawn_as_shown((missing.shape[1], missing.shape[0]), path, info, own_rotation):
        missing = as_coded(as_shown(missing, own_rotation, own_mirrored), info.rotation, info.mirrored)
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

    That covers what is within as many steps along rows and columns, so that many steps are taken at once.
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
    _drawn_as_shown(size, path, info, own_rotation)


def _drawn_as_shown(size: tuple[int, int], path: Path, info: VideoInfo | VideoHeader, own_rotation: int) -> bool:
    """Return whether a mask shows the video as a player does, else as it is coded.

    A mask is drawn on, or made from, the picture as it is seen. So it is compared in that orientation first, and as the
    video is coded only when that does not fit.
    """
    width, height = size
    if _alike(turned_size(width, height, own_rotation), info.display_size, info):
        return True
    if _alike((width, height), (info.width, info.height), info):
        return False
    raise MaskError(
        f"{path}: the mask has {width}x{height} pixels, its video {info.path.name} {info.width}x{info.height}"
        + (f" (shown {info.display_size[0]}x{info.display_size[1]})" if info.rotation in (90, 270) else "")
        + ": not the same aspect ratio"
    )


def _alike(mask: tuple[int, int], video: tuple[int, int], info: VideoInfo | VideoHeader) -> bool:
    """True for the same aspect, counted in the video's samples or in square pixels."""
    if not all(mask):  # what a damaged header says
        return False
    aspect = (mask[0] / mask[1]) / (video[0] / video[1])
    stretch = float(info.sample_aspect)
    shown = 1 / stretch if info.rotation in (90, 270) and video == info.display_size else stretch
    return any(abs(aspect / factor - 1) <= ASPECT_TOLERANCE for factor in (1.0, shown))
