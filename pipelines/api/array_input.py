"""Checks of arrays that callers pass: each error says what was given, what is expected and how to convert."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reelmend.pipelines.errors import ArrayError

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

FramesLike = ArrayLike | Iterable[ArrayLike]
"""An array [T, H, W, 3], or an iterable of arrays [H, W, 3]."""
MasksLike = ArrayLike | Iterable[ArrayLike]
"""An array [H, W] or [T, H, W], or an iterable of arrays [H, W]."""

_SMALLEST_SIDE_PX = 2


def check_frames(frames: FramesLike) -> U8:
    """Return frames as u8 [T, H, W, 3]; an array is not copied. Raises ArrayError."""
    array = _stacked(frames, "frames")
    wrong = f"frames: expected uint8 [T, H, W, 3] (RGB), got {array.dtype} {[*array.shape]}"
    if array.ndim == 4 and not array.shape[0]:
        raise ArrayError(f"{wrong}: there are no frames")
    if array.ndim != 4 or array.shape[3] != 3:
        raise ArrayError(f"{wrong}; {_shape_advice(array)}")
    if array.dtype != np.uint8:
        raise ArrayError(f"{wrong}; {_dtype_advice(array)}")
    if min(array.shape[1:3]) < _SMALLEST_SIDE_PX:
        raise ArrayError(f"{wrong}: a frame needs at least {_SMALLEST_SIDE_PX} pixels on each side")
    return array


def check_masks(masks: MasksLike | None, frames: U8) -> U8 | Bool:
    """Return masks as bool or u8, [H, W] or [T, H, W], of the size of the frames. Raises ArrayError."""
    array = _stacked(masks, "masks")
    count, height, width = frames.shape[:3]
    wrong = (
        f"masks: expected bool [{count}, {height}, {width}] or [{height}, {width}], got {array.dtype} {[*array.shape]}"
    )
    if array.ndim == 4 and array.shape[3] == 1:
        raise ArrayError(f"{wrong}; remove the last axis: masks[..., 0]")
    if array.ndim not in (2, 3):
        raise ArrayError(f"{wrong}; a mask has no colour channels: (masks > 127).any(axis=-1)")
    if array.shape[-2:] == (width, height) and width != height:
        raise ArrayError(f"{wrong}; height comes before width: masks.swapaxes(-1, -2)")
    if array.shape[-2:] != (height, width):
        raise ArrayError(f"{wrong}; resize the masks to the size of the frames, by nearest neighbour")
    if array.ndim == 3 and len(array) != count:
        raise ArrayError(f"{wrong}; give one mask for each of the {count} frames, or a single [H, W] for all")
    if array.dtype not in (np.bool_, np.uint8):
        raise ArrayError(f"{wrong}; convert with masks > 0.5, or masks != 0 for labels")
    return array


def _stacked(given: Any, name: str) -> NDArray[Any]:
    """Return what was given as one array; frames from an iterable are stacked."""
    if given is None or isinstance(given, str | bytes | dict) or np.isscalar(given):
        raise ArrayError(f"{name}: expected an array, got {type(given).__name__}{_path_advice(given, name)}")
    if hasattr(given, "__array__"):
        return np.asarray(given)
    if not isinstance(given, Iterable):
        raise ArrayError(f"{name}: expected an array, got {type(given).__name__}{_path_advice(given, name)}")
    arrays = [np.asarray(each) for each in given]
    if not arrays:
        raise ArrayError(f"{name}: empty; give at least one frame")
    shapes = [each.shape for each in arrays]
    odd = next((index for index, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise ArrayError(
            f"{name}: number {odd} has shape {[*shapes[odd]]}, those before it {[*shapes[0]]}; all must have the same shape"
        )
    return np.stack(arrays)


def _path_advice(given: Any, name: str) -> str:
    if name == "masks" and given is None:
        return "; inpainting needs masks (outpainting does not: settings={'mode': 'outpaint', 'outpaint.scale_w': 1.5})"
    return "; for files use reelmend.restore_video" if isinstance(given, str) or hasattr(given, "__fspath__") else ""


def _shape_advice(array: NDArray[Any]) -> str:
    shape = array.shape
    if array.ndim == 3 and shape[2] == 3:
        return "for a single frame pass frames[None]"
    if array.ndim == 3 or (array.ndim == 4 and shape[3] == 1):
        return "repeat a grey channel three times: np.repeat(frames.reshape(*frames.shape[:3], 1), 3, axis=3)"
    if array.ndim == 4 and shape[3] == 4:
        return "leave out the alpha channel: frames[..., :3]"
    if array.ndim == 4 and shape[1] == 3:
        return "move the channels to the end: frames.transpose(0, 2, 3, 1)"
    if array.ndim == 5 and shape[0] == 1:
        return "one clip at a time: frames[0]"
    return "T frames of height H and width W, with red, green and blue last"


def _dtype_advice(array: NDArray[Any]) -> str:
    if array.dtype.kind == "f":
        scale = "frames" if array.size and float(np.nanmax(array)) > 1 else "frames * 255"
        return f"convert with np.rint({scale}).clip(0, 255).astype(np.uint8)"
    if array.dtype == np.uint16:
        return (
            "convert with (frames >> 8).astype(np.uint8), or restore the file itself, in its bit depth: restore_video"
        )
    return "convert with frames.astype(np.uint8), if all values are within 0..255"
