"""How does one clip become a restored clip, with ProPainter?

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
Legend: T frames, H W height and width of the clip, B = 1, S = T-1 flows of one direction. Masks are 1 where content is
missing; flows have channels (dx, dy) in pixels. What is as long as the clip stays in host memory.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.engine import U8, Bool
from core_model.networks.flow_completion import FlowCompletion
from core_model.networks.generator import InpaintGenerator, LocalFrames
from core_model.networks.raft import SMALLEST_SIDE_PX, Raft
from core_model.networks.region import Region
from core_model.overlay import Blending, Overlay
from core_model.propagation import propagate_images
from core_model.schedule import GeneratorWindow, flow_subvideos, generator_windows, image_subvideos
from core_model.seen_frames import SeenFrames

Precision = Literal["fp32", "bf16", "fp16"]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_SIDE_MULTIPLE_PX = 8
_LEAST = {"mask_dilation": 0, "ref_stride": 1, "neighbor_length": 1, "subvideo_length": 1, "raft_iterations": 1}
_CORRELATION_BYTES = 2**30  # of the volumes of all pairs that RAFT works on at once
_MOST_PAIRS = 8


@dataclass(frozen=True)
class RestoreOptions:
    """What the published script lets one choose, and how numbers are held."""

    mask_dilation: int = 4
    """Pixels by which masks grow (in a diamond) before anything is done."""
    ref_stride: int = 10
    """Frames from one reference frame to the next."""
    neighbor_length: int = 10
    """Local frames of a window, less one; windows are half of it apart."""
    subvideo_length: int = 80
    """Frames of a clip beyond which flow, propagation and references are limited to a surrounding."""
    raft_iterations: int = 20
    precision: Precision = "fp32"
    """Of RAFT's convolutions and the generator; flow, correlation and flow completion are fp32 in any case."""
    blending: Blending = "float"

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"RestoreOptions: expected {name} of at least {least}, got {getattr(self, name)}")
        for name, known in (("precision", get_args(Precision)), ("blending", get_args(Blending))):
            if getattr(self, name) not in known:
                raise ValueError(f"RestoreOptions: expected {name} to be one of {known}, got {getattr(self, name)!r}")


class Restorer:
    """Fills the masked pixels of a clip; runs where the networks' parameters are."""

    def __init__(
        self, raft: Raft, flow_completion: FlowCompletion, generator: InpaintGenerator, options: RestoreOptions
    ) -> None:
        self._raft, self._flow_completion, self._generator = raft, flow_completion, generator
        self._options = options
        self._device = generator.ss.embedding.weight.device

    @torch.inference_mode()
    def __call__(self, frames_THWC: U8, masks_THW: U8 | Bool) -> U8:
        """Return the RGB frames u8 [T, H, W, 3] with the dilated masks' pixels completed and all others unchanged.

        Any T >= 1 and any size: sides that are no multiples of 8 are padded. Raises ValueError when the shapes differ.
        """
        _check(frames_THWC, masks_THW)
        masks = dilate(masks_THW, self._options.mask_dilation)
        if not masks.any():
            return frames_THWC.copy()
        frames_13, holes_11 = _padded(frames_THWC, masks)
        flows = self.complete(*self.flow(frames_13), holes_11)
        frames_13, updated_11 = self.propagate(frames_13, holes_11, *flows)
        overlay = Overlay(frames_THWC, masks, self._options.blending)
        for window, region, images in self.generate(frames_13, holes_11, updated_11, *flows):
            for t, image in zip(window.local, images, strict=True):
                overlay.lay(t, image.numpy(), region)
        return overlay.result()

    @torch.inference_mode()
    def flow(self, frames_1T3HW: Tensor) -> tuple[Tensor, Tensor]:
        """Return (forward, backward) flow of u8 frames, fp32 [1, S, 2, H, W] each; sides are multiples of 8."""
        frames, _, height, width = frames_1T3HW.shape[1:]
        if frames == 1:
            return torch.zeros(1, 0, 2, height, width), torch.zeros(1, 0, 2, height, width)
        below, right = (max(0, SMALLEST_SIDE_PX - side) for side in (height, width))
        scaled = frames_1T3HW[0].float() / 255 * 2 - 1
        padded = F.pad(scaled, (0, right, 0, below), mode="replicate")[None]
        cells = padded.shape[3] * padded.shape[4] // 64
        pairs = max(1, min(_MOST_PAIRS, _CORRELATION_BYTES // (3 * 4 * cells**2)))
        with self._reduced():
            forward, backward = self._raft(padded, self._options.raft_iterations, pairs)
        return forward[..., :height, :width], backward[..., :height, :width]

    @torch.inference_mode()
    def complete(self, flow_fwd: Tensor, flow_bwd: Tensor, masks_1T1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Return both flows [1, S, 2, H, W] completed inside the masks."""
        completed = torch.empty_like(flow_fwd), torch.empty_like(flow_bwd)
        if not flow_fwd.shape[1]:
            return completed
        for block in flow_subvideos(flow_fwd.shape[1], self._options.subvideo_length):
            flows = (flow[:, block.read].to(self._device) for flow in (flow_fwd, flow_bwd))
            masks = masks_1T1HW[:, block.first : block.last + 1].to(self._device)
            for whole, part in zip(completed, self._flow_completion(*flows, masks), strict=True):
                whole[:, block.place] = part[:, block.kept]
        return completed

    @torch.inference_mode()
    def propagate(
        self, frames_1T3HW: Tensor, masks_1T1HW: Tensor, flow_fwd: Tensor, flow_bwd: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return u8 frames in which missing pixels that another frame shows are filled, and masks of the others."""
        filled, missing = torch.empty_like(frames_1T3HW), torch.empty_like(masks_1T1HW)
        for block in image_subvideos(frames_1T3HW.shape[1], self._options.subvideo_length):
            between = slice(block.first, block.last - 1)
            images = (x[:, block.read].to(self._device) for x in (frames_1T3HW, masks_1T1HW))
            flows = (flow[:, between].to(self._device) for flow in (flow_fwd, flow_bwd))
            propagated, left = propagate_images(*images, *flows)
            filled[:, block.place] = propagated[:, block.kept]
            missing[:, block.place] = left[:, block.kept]
        return filled, missing

    @torch.inference_mode()
    def generate(
        self, frames_1T3HW: Tensor, masks_1T1HW: Tensor, updated_1T1HW: Tensor, flow_fwd: Tensor, flow_bwd: Tensor
    ) -> Iterator[tuple[GeneratorWindow, Region, Tensor]]:
        """Yield each window with anything to complete: the region that holds its masks, and images [L, 3, h, w] of it.

        Frames are u8 and propagated; images are fp32 in [-1, 1], in host memory.
        """
        windows = [window for window in self._windows(frames_1T3HW.shape[1]) if masks_1T1HW[:, window.local].any()]
        seen = SeenFrames(self._generator, frames_1T3HW, masks_1T1HW, updated_1T1HW, windows)
        for number, window in enumerate(windows):
            local = slice(window.local.start, window.local.stop)
            between = slice(window.local.start, window.local.stop - 1)
            region = _bounding_region(masks_1T1HW[0, local, 0].any(0))
            holes = (x[:, local].to(self._device) for x in (masks_1T1HW, updated_1T1HW))
            flows = (flow[:, between].to(self._device) for flow in (flow_fwd, flow_bwd))
            with self._reduced():
                features, reference_tokens = seen.look(window)
                images = self._generator.complete(LocalFrames(features, *holes, *flows), reference_tokens, region)
                seen.forget(number)
            yield window, region, images[0].float().cpu()

    def _windows(self, frames: int) -> list[GeneratorWindow]:
        options = self._options
        return generator_windows(
            frames,
            neighbor_length=options.neighbor_length,
            ref_stride=options.ref_stride,
            subvideo_length=options.subvideo_length,
        )

    def _reduced(self) -> AbstractContextManager[object]:
        dtype = _AUTOCAST.get(self._options.precision)
        return torch.autocast(self._device.type, dtype, enabled=dtype is not None)


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


def _padded(frames_THWC: U8, masks_THW: Bool) -> tuple[Tensor, Tensor]:
    """u8 [1, T, 3, H', W'] and bool [1, T, 1, H', W'], sides multiples of 8: edges repeated, nothing missing there."""
    height, width = masks_THW.shape[1:]
    below, right = -height % _SIDE_MULTIPLE_PX, -width % _SIDE_MULTIPLE_PX
    frames = np.pad(frames_THWC, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge").transpose(0, 3, 1, 2)
    masks = np.pad(masks_THW, ((0, 0), (0, below), (0, right)))
    return torch.from_numpy(np.ascontiguousarray(frames))[None], torch.from_numpy(masks)[None, :, None]


def _bounding_region(mask_HW: Tensor) -> Region:
    rows, columns = mask_HW.any(1).nonzero(), mask_HW.any(0).nonzero()
    return Region(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
