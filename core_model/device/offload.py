"""Placement of a sub-video: on the device, or in host memory with a few frames on the device.

A model that is measured, not guessed: what the first sub-videos took for a pixel of a frame says what the next will
take, of whatever size. What is free is asked again each time; if it is insufficient after all, an error says so.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from reelmend.core_model.device.cuda_errors import one_out_of_memory
from reelmend.core_model.device.memory import HEADROOM, DeviceMemory
from reelmend.core_model.device.memory_ladder import HOST_MEMORY, STEPS

_log = logging.getLogger(__name__)


class Offload:
    """Decides for one kind of work, and remembers what it took and what did not fit."""

    def __init__(self, memory: DeviceMemory | None, device: torch.device) -> None:
        """`memory` of `device`; None where there is none to ask (a CPU, which has no other place)."""
        self._memory, self._device = memory, device
        self._bytes_a_pixel = 0.0
        self._too_many_pixels = float("inf")

    def run(self, work: Callable[..., tuple[Tensor, ...]], *clips: Tensor) -> tuple[Tensor, ...]:
        """Return what `work` makes of clips [B, T, C, H, W], in host memory.

        `work` takes them on the device or in host memory, which must come to the same; in the latter it brings to the
        device what it works on. Raises torch.OutOfMemoryError when not even that fits.
        """
        pixels = sum(clip.shape[1] for clip in clips) * clips[0].shape[3] * clips[0].shape[4]
        if self._memory is None:
            return work(*clips)
        if self._fits(self._memory, pixels):
            try:
                with one_out_of_memory():
                    return self._on_device(self._memory, pixels, work, *clips)
            except torch.OutOfMemoryError:
                self._too_many_pixels = min(self._too_many_pixels, pixels)
            STEPS.take(HOST_MEMORY)
            self._memory.release()
            _log.info("a sub-video of %.0f megapixels does not fit on the device: kept in host memory", pixels / 1e6)
        return work(*clips)

    def _fits(self, memory: DeviceMemory, pixels: int) -> bool:
        return pixels < self._too_many_pixels and self._bytes_a_pixel * pixels <= memory.free() * HEADROOM

    def _on_device(
        self, memory: DeviceMemory, pixels: int, work: Callable[..., tuple[Tensor, ...]], *clips: Tensor
    ) -> tuple[Tensor, ...]:
        memory.start_peak()
        before = memory.used()
        done = tuple(x.cpu() for x in work(*(clip.to(self._device) for clip in clips)))
        self._bytes_a_pixel = max(self._bytes_a_pixel, (memory.peak() - before) / pixels)
        return done
