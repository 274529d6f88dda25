"""Restoration of one clip in memory with ProPainter.

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
Legend: T frames, H W height and width of the clip. Masks are 1 where content is missing.
"""

import cv2
import numpy as np

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions


class Restorer:
    """Fills the masked pixels of clips; runs where the networks' parameters are.

    Everything at once, for clips in memory; `RaftFlow` and `ProPainterEngine` are the same for shots read in pieces.
    """

    def __init__(
        self, raft: Raft, flow_completion: FlowCompletion, generator: InpaintGenerator, options: RestoreOptions
    ) -> None:
        self._options = options
        self._flow = RaftFlow(lambda: raft, "", options.raft_iterations, options.execution)
        self._engine = ProPainterEngine(lambda: (flow_completion, generator), "", options)

    def __call__(self, frames_THWC: U8, masks_THW: U8 | Bool) -> U8:
        """Return the RGB frames u8 [T, H, W, 3] with the dilated masks' pixels completed and all others unchanged.

        Any T >= 1 and any size: sides that are not multiples of 8 are padded. Raises ValueError when the shapes differ,
        DeviceFull when an accelerator's memory is insufficient for frames of this size.
        """
        _check(frames_THWC, masks_THW)
        masks = dilate(masks_THW, self._options.mask_dilation)
        if not masks.any():
            return frames_THWC.copy()
        frames, height, width = masks.shape
        flow_fwd = flow_bwd = np.zeros((0, 2, height, width), np.float32)
        if frames > 1:
            flow_fwd, flow_bwd = self._flow.estimate(frames_THWC)
        shot = ArrayShot(frames_THWC, masks, flow_fwd, flow_bwd)
        step = self._options.subvideo_length
        pieces = [self._engine.restore(shot, t, min(t + step, frames)).frames for t in range(0, frames, step)]
        return np.concatenate(pieces)


def dilate(masks_THW: U8 | Bool, pixels: int) -> Bool:
    """Grow what is not zero by `pixels` steps to the four neighbours."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.stack([cv2.dilate((mask > 0).astype(np.uint8), cross, iterations=pixels) for mask in masks_THW]) > 0


def _check(frames: U8, masks: U8 | Bool) -> None:
    fits = frames.ndim == 4 and frames.shape[3] == 3 and masks.shape == frames.shape[:3] and frames.size > 0
    if not fits or frames.dtype != np.uint8:
        raise ValueError(
            f"Restorer: expected u8 frames [T >= 1, H, W, 3] and masks [T, H, W], got {frames.dtype} {[*frames.shape]} "
            f"and {[*masks.shape]}"
        )
