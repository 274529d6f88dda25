"""How does one clip become a restored clip, with ProPainter?

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
Legend: T frames, H W height and width of the clip. Masks are 1 where content is missing.
"""

import cv2
import numpy as np

from core_model.array_shot import ArrayShot
from core_model.engine import U8, Bool, Shot
from core_model.networks.flow_completion import FlowCompletion
from core_model.networks.generator import InpaintGenerator
from core_model.networks.raft import Raft
from core_model.options import RestoreOptions
from core_model.raft_flow import RaftFlow
from core_model.restoration import Restoration
from core_model.window_batch import CudaMemory, WindowBatch


class Restorer:
    """Fills the masked pixels of clips; runs where the networks' parameters are.

    Called with a clip it does everything. `restoration` is the same for a shot that is read, and asked for, in pieces.
    """

    def __init__(
        self, raft: Raft, flow_completion: FlowCompletion, generator: InpaintGenerator, options: RestoreOptions
    ) -> None:
        self.options = options
        self.flow = RaftFlow(lambda: raft, "", options.raft_iterations, options.execution)
        self._flow_completion, self._generator = flow_completion, generator
        self._batches: dict[tuple[int, int], WindowBatch] = {}

    def __call__(self, frames_THWC: U8, masks_THW: U8 | Bool) -> U8:
        """Return the RGB frames u8 [T, H, W, 3] with the dilated masks' pixels completed and all others unchanged.

        Any T >= 1 and any size: sides that are no multiples of 8 are padded. Raises ValueError when the shapes differ,
        torch.OutOfMemoryError when the device cannot hold a single window of this size.
        """
        _check(frames_THWC, masks_THW)
        masks = dilate(masks_THW, self.options.mask_dilation)
        if not masks.any():
            return frames_THWC.copy()
        frames, height, width = masks.shape
        flow_fwd = flow_bwd = np.zeros((0, 2, height, width), np.float32)
        if frames > 1:
            flow_fwd, flow_bwd = self.flow.estimate(frames_THWC)
        restoration = self.restoration(ArrayShot(frames_THWC, masks, flow_fwd, flow_bwd))
        step = self.options.subvideo_length
        return np.concatenate([restoration.restore(t, min(t + step, frames)) for t in range(0, frames, step)])

    def restoration(self, shot: Shot) -> Restoration:
        """Return the restoration of a shot whose masks are dilated already, at its beginning."""
        if shot.size not in self._batches:
            device = self._generator.ss.embedding.weight.device
            memory = CudaMemory(device) if device.type == "cuda" else None
            self._batches[shot.size] = WindowBatch(memory, self.options.window_batch)
        return Restoration(shot, self._flow_completion, self._generator, self.options, self._batches[shot.size])


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
