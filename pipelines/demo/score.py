"""Score of the demo: the hole against the truth, beside a frame-by-frame fill.

Legend: T frames, H W height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.metrics import psnr
from reelmend.pipelines.demo.scene import Moment
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb

U8 = NDArray[np.uint8]
TELEA_RADIUS_PX = 3.0


@dataclass(frozen=True)
class Score:
    """Peak signal-to-noise ratio inside the mask against the truth, in dB."""

    restored_psnr_db: float
    per_frame_psnr_db: float


def score_clip(source: Path, restored: Path, scene: Sequence[Moment], dilation: int) -> tuple[Score, U8]:
    """Return the scores and the restored frames u8 [T, H, W, 3]; both methods fill the mask grown by `dilation` px."""
    truth = np.stack([moment.truth for moment in scene])
    masks = np.stack([moment.mask for moment in scene])
    filled = fill_each_frame(read_rgb(source), masks, dilation)
    frames = read_rgb(restored)
    return Score(psnr(frames, truth, masks), psnr(filled, truth, masks)), frames


def fill_each_frame(frames_THWC: U8, masks_THW: NDArray[np.bool_], dilation: int) -> U8:
    """Return the frames filled by OpenCV's Telea inpainting, each one for itself: the named baseline."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown = [cv2.dilate(mask.astype(np.uint8), cross, iterations=dilation) for mask in masks_THW]
    filled = [
        cv2.inpaint(frame, hole, TELEA_RADIUS_PX, cv2.INPAINT_TELEA)
        for frame, hole in zip(frames_THWC, grown, strict=True)
    ]
    return np.stack(filled).astype(np.uint8)


def read_rgb(path: Path) -> U8:
    """Return a short clip's frames u8 [T, H, W, 3]. Raises MediaError."""
    info = inspect_video(path)
    return np.stack([to_rgb(frame, info) for frame in read_frames(info, 0, info.frames)])
