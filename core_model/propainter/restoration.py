"""Restoration of a shot from front to back, piece by piece.

The generator's windows in the order of the published script (Zhou et al., "ProPainter", ICCV 2023). Every number is
computed from the same inputs in the same groups wherever a restoration begins, so pieces restored by several
restorations are those of one.

Legend: L local frames of a window, H W height and width of the frames, h w those of a region.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reelmend.core_model.device.cuda_errors import one_out_of_memory
from reelmend.core_model.device.memory_budget import DeviceRoom
from reelmend.core_model.device.memory_ladder import FEWER_WINDOWS
from reelmend.core_model.device.staging import Fetched
from reelmend.core_model.engine import U8, Restored, Shot, WindowCount
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator, LocalFrames
from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.propainter.early_exit import EarlyExit
from reelmend.core_model.propainter.feature_cache import SeenFrames
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.prepared_shot import PreparedShot
from reelmend.core_model.propainter.schedule import GeneratorWindow
from reelmend.core_model.propainter.window_blend import Overlay
from reelmend.core_model.ranges import named_range


def _window_range(_: object, windows: list[GeneratorWindow]) -> str:
    return f"windows of frames {windows[0].local.start}-{windows[-1].local.stop - 1}"


class _Generated(NamedTuple):
    """Windows that were computed together."""

    windows: list[GeneratorWindow]
    region: Rectangle
    images: Fetched
    """[windows, L, 3, h, w] in [-1, 1], of a region that holds their masks."""


class _Begun(NamedTuple):
    """A batch that the device was given."""

    windows: list[tuple[GeneratorWindow, bool]]
    """And whether it exits."""
    generated: list[_Generated]
    """Of the others."""


class Restoration:
    """One shot. For adjacent pieces it continues with what it has; for another one it starts again there."""

    def __init__(
        self,
        shot: Shot,
        flow_completion: FlowCompletion,
        generator: InpaintGenerator,
        options: RestoreOptions,
        room: DeviceRoom,
    ) -> None:
        self._shot, self._generator, self._options, self._batch = shot, generator, options, room.windows(shot.size)
        self._schedule = options.schedule(shot.frames)
        self._windows = self._schedule.windows
        self._prepared = PreparedShot(shot, flow_completion, self._schedule, options.execution, room)
        self._exit = EarlyExit(self._prepared) if options.early_exit else None
        self._execution = options.execution
        self._device = generator.ss.embedding.weight.device
        self._staging = room.staging
        self._reached = self._next = 0
        self._begin(0)

    @torch.inference_mode()
    def restore(self, start: int, stop: int) -> Restored:
        """Return frames start..stop-1 with masked pixels completed and others unchanged.

        A pixel that image propagation reached counts as seen one frame away: propagation does not say from how far.

        Raises torch.OutOfMemoryError when the device cannot hold a single window, FloatingPointError when what comes
        out is not finite.
        """
        if start != self._reached:
            self._begin(start)
        self._reached = -1  # a caller that returns after an error starts again
        begun: list[_Begun] = []
        for windows in self._batches(stop):
            PROGRESS.sign()
            begun.append(_Begun(windows, self._complete([window for window, exits in windows if not exits])))
            # Where pictures come back while the device computes, a batch is laid after the next one has begun.
            while len(begun) > self._staging.overlaps:
                self._lay_all(begun.pop(0), start)
        for last in begun:
            self._lay_all(last, start)
        restored = np.stack([self._result(t) for t in range(start, stop)])
        away = np.stack([self._seen_away(t) for t in range(start, stop)])
        self._reached = stop
        upcoming = self._windows[self._next : self._next + 1]
        self._forget(min(stop, *(window.local.start for window in upcoming)) if upcoming else stop)
        return Restored(restored, away, windows=self.count_windows(start, stop))

    def _begin(self, start: int) -> None:
        self._reached = start
        self._next = self._schedule.windows_over(start, start + 1).start
        self._overlay = Overlay(self._options.blending)
        self._exited: dict[int, bool] = {}
        self._seen = SeenFrames(self._generator, self._prepared, self._windows, self._execution, self._staging)

    def _batches(self, stop: int) -> Iterator[list[tuple[GeneratorWindow, bool]]]:
        """Yield the windows that write to frames before `stop`, and hold anything to complete, and whether they exit.

        As many as fit; those that exit are yielded in their turn, and take no room.
        """
        batch: list[tuple[GeneratorWindow, bool]] = []
        while self._next < len(self._windows) and self._windows[self._next].local.start < stop:
            window = self._windows[self._next]
            alike = not batch or _shape(batch[0][0]) == _shape(window)
            if batch and (sum(not exits for _, exits in batch) >= self._batch.size or not alike):
                yield batch
                self._forget_seen()
                batch = []
            if any(self._prepared.frame(t).mask.any() for t in window.local):
                exits = self._exit is not None and self._exit.exits(window.local)
                self._exited[self._next] = exits
                batch.append((window, exits))
            self._next += 1
            if batch and all(exits for _, exits in batch):
                yield batch
                self._forget_seen()
                batch = []
        if batch:
            yield batch
        self._forget_seen()

    def _forget_seen(self) -> None:
        with self._execution.reduced(self._device):  # a reference that is dropped as a local frame leaves its tokens
            self._seen.forget(self._next - 1)

    def _forget(self, before: int) -> None:
        self._prepared.forget(before)
        if self._exit is not None:
            self._exit.forget(before)

    def _complete(self, windows: list[GeneratorWindow]) -> list["_Generated"]:
        """Return the windows' images, in groups as they were computed, on their way to host memory."""
        if not windows:
            return []
        try:
            with one_out_of_memory(), self._batch.watch(len(windows)):
                return [self._generate(windows)]
        except torch.OutOfMemoryError:
            if FEWER_WINDOWS.below(len(windows)) is None:
                raise
        self._batch.did_not_fit(len(windows))
        completed: list[_Generated] = []
        while (done := sum(len(group.windows) for group in completed)) < len(windows):
            completed += self._complete(windows[done:][: self._batch.most])
        return completed

    @named_range(_window_range)
    def _generate(self, windows: list[GeneratorWindow]) -> "_Generated":
        with self._execution.reduced(self._device):
            seen = [self._seen.look(window) for window in windows]
            features, reference_tokens = (torch.cat(parts) for parts in zip(*seen, strict=True))
            holes = [self._holes(window) for window in windows]
            flows = [self._prepared.quarter_flows(w.local.start, w.local.stop - 1) for w in windows]
            # Two copies, not four, and the region from what the host knows, which would wait for the device's answer.
            on_host = torch.stack([torch.cat(parts) for parts in zip(*holes, strict=True)])
            region = _bounding_region(on_host[0, :, :, 0].any(0).any(0))
            masks, updated = self._staging.send(on_host)
            quarters = torch.stack([torch.cat(parts) for parts in zip(*flows, strict=True)])
            forward, backward = self._staging.send(quarters)
            local = LocalFrames(features, masks, updated, forward, backward)
            with self._execution.within("transformer", self._device):
                composed = self._generator.compose(local, reference_tokens, region)
            composed = composed._replace(values=self._execution.handed_on(composed.values))
            with self._execution.within("decoder", self._device):
                images = self._generator.decode(composed, region, len(windows)).float()
            return _Generated(windows, region, self._staging.fetch(images))

    def _lay_all(self, begun: "_Begun", start: int) -> None:
        """Lay a batch's windows in their order. Raises FloatingPointError when what was generated is not finite."""
        generated = iter([laid for group in begun.generated for laid in self._fetched(group)])
        for window, exits in begun.windows:
            if exits:
                self._keep(window, start)
            else:
                self._lay(*next(generated), start)

    def _fetched(self, group: "_Generated") -> list[tuple[GeneratorWindow, Rectangle, Tensor]]:
        """Return each window's images [L, 3, h, w] in [-1, 1] of a region that holds its masks, in host memory."""
        images = group.images.take()
        if not images.isfinite().all():
            raise FloatingPointError(f"completed frames are not finite in {self._execution.rounding}")
        return [(window, group.region, image) for window, image in zip(group.windows, images, strict=True)]

    def _holes(self, window: GeneratorWindow) -> tuple[Tensor, Tensor]:
        known = [self._prepared.frame(t) for t in window.local]
        return torch.stack([k.mask for k in known])[None], torch.stack([k.updated for k in known])[None]

    def _lay(self, window: GeneratorWindow, region: Rectangle, images: Tensor, start: int) -> None:
        for t, image in zip(window.local, images.numpy(), strict=True):
            if t >= start:  # those before were restored with all their windows, by whoever did
                self._overlay.lay(t, image, region, self._prepared.frame(t).mask[0].numpy())

    def _keep(self, window: GeneratorWindow, start: int) -> None:
        assert self._exit is not None
        for t in window.local:
            if t >= start:
                self._overlay.lay_levels(t, self._exit.levels(t))

    def count_windows(self, start: int, stop: int) -> WindowCount | None:
        """Count the windows that are centred on frames start..stop-1, which this course has restored."""
        if self._exit is None:
            return None
        own = [number for number in self._exited if start <= self._schedule.centres[number] < stop]
        exited = [self._exited[number] for number in own]
        return WindowCount(len(exited), sum(exited))

    def _result(self, t: int) -> U8:
        height, width = self._shot.size
        known = self._prepared.frame(t)
        image = known.image.numpy().transpose(1, 2, 0).copy()
        colours_N3 = self._overlay.take(t)
        if colours_N3 is not None:
            image[known.mask[0].numpy()] = colours_N3
        return image[:height, :width]

    def _seen_away(self, t: int) -> U8:
        height, width = self._shot.size
        known = self._prepared.frame(t)
        return (known.mask & ~known.updated)[0, :height, :width].numpy().astype(np.uint8)


def _shape(window: GeneratorWindow) -> tuple[int, int]:
    return len(window.local), len(window.references)


def _bounding_region(mask_HW: Tensor) -> Rectangle:
    rows, columns = mask_HW.any(1).nonzero(), mask_HW.any(0).nonzero()
    return Rectangle(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
