"""Propagated frames and completed flow of a shot, before the generator.

Flow completed behind the masks, and images into which flow has carried what other frames show: a sub-video at a time
(Zhou et al., "ProPainter", ICCV 2023, sections 3.1 and 3.2), kept in host memory while it is needed.

Legend: T frames, S pairs of adjacent frames, H W height and width, padded to multiples of 8; h w = H/4, W/4.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reelmend.core_model.device.memory_budget import DeviceRoom
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8, Bool, Float, Shot
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import quarter_flow
from reelmend.core_model.networks.image_propagation import propagate_images
from reelmend.core_model.propainter.schedule import Schedule, SubVideo, touching
from reelmend.core_model.ranges import named_range

SIDE_MULTIPLE_PX = 8


class KnownFrame(NamedTuple):
    """One frame, as the generator gets it."""

    image: Tensor
    """u8 [3, H, W], propagated into its mask."""
    mask: Tensor
    """bool [1, H, W]: missing in the source."""
    updated: Tensor
    """bool [1, H, W]: missing still."""


class _Flows(NamedTuple):
    """Both directions, fp32 [1, S, 2, H, W] each, of a sub-video's own pairs."""

    forward: Tensor
    backward: Tensor


class PreparedShot:
    """What is asked for is computed with the whole sub-video that it is in, so it never depends on who asked first.

    Where nothing is masked, measured flow is complete and images are whole: neither is computed.
    """

    def __init__(
        self,
        shot: Shot,
        flow_completion: FlowCompletion,
        schedule: Schedule,
        execution: Execution,
        room: DeviceRoom,
    ) -> None:
        self._shot, self._flow_completion, self._execution, self._room = shot, flow_completion, execution, room
        self._device = next(flow_completion.parameters()).device
        self._flow_blocks, self._image_blocks = schedule.flow_blocks, schedule.image_blocks
        self._completed: dict[SubVideo, _Flows] = {}
        self._quarters: dict[SubVideo, _Flows] = {}
        self._known: dict[SubVideo, list[KnownFrame]] = {}

    def frame(self, t: int) -> KnownFrame:
        (block,) = touching(self._image_blocks, t, t + 1)
        if block not in self._known:
            self._known[block] = self._propagate(block)
        return self._known[block][t - block.start]

    def quarter_flows(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Return both completed flows of the pairs start..stop-1 as the generator takes them, [1, S, 2, h, w]."""
        blocks = touching(self._flow_blocks, start, stop)
        for block in blocks:
            if block not in self._quarters:
                self._complete(block)
        return _joined([(block, self._quarters[block]) for block in blocks], start, stop, self._padded_size(4))

    def forget(self, before: int) -> None:
        """Drop what only frames before this one need."""
        self._known = {block: known for block, known in self._known.items() if block.stop > before}
        self._quarters = {block: flows for block, flows in self._quarters.items() if block.stop > before}

    @named_range(lambda _, block: f"propagate frames {block.start}-{block.stop - 1}")
    def _propagate(self, block: SubVideo) -> list[KnownFrame]:
        masks = masks_tensor(self._shot.masks(block.first, block.last))
        images = images_tensor(self._shot.images(block.first, block.last))
        filled, missing = images, masks
        if masks.any():
            flows = self._full_flows(block.first, block.last - 1)
            propagate = partial(propagate_images, device=self._device)
            filled, missing = self._room.propagation.run(propagate, images, masks, *flows)
        later = [following.first for following in self._image_blocks if following.start >= block.stop][:1]
        self._completed = {b: flows for b, flows in self._completed.items() if later and b.stop > later[0]}
        kept = (x[0, block.kept].clone().unbind(0) for x in (filled, masks, missing))
        return [KnownFrame(*frame) for frame in zip(*kept, strict=True)]

    def _full_flows(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        blocks = touching(self._flow_blocks, start, stop)
        for block in blocks:
            if block not in self._completed:
                self._complete(block)
        return _joined([(block, self._completed[block]) for block in blocks], start, stop, self._padded_size())

    @named_range(lambda _, block: f"complete flow {block.start}-{block.stop - 1}")
    def _complete(self, block: SubVideo) -> None:
        masks = masks_tensor(self._shot.masks(block.first, block.last + 1))
        flows = [flow_tensor(flow, *self._shot.size) for flow in self._shot.flows(block.first, block.last)]
        if masks.any():
            with self._execution.exact(self._device):
                flows = [*self._room.completion.run(self._flow_completion, *flows, masks)]
        completed = _Flows(*(flow[:, block.kept].clone() for flow in flows))
        self._completed[block] = completed
        self._quarters[block] = _Flows(*(quarter_flow(flow) for flow in completed))

    def _padded_size(self, divisor: int = 1) -> tuple[int, int]:
        height, width = (
            side + more for side, more in zip(self._shot.size, _missing_sides(*self._shot.size), strict=True)
        )
        return height // divisor, width // divisor


def images_tensor(images_THWC: U8) -> Tensor:
    """u8 [1, T, 3, H, W], sides multiples of 8: the outermost pixels are repeated."""
    below, right = _missing_sides(*images_THWC.shape[1:3])
    padded = np.pad(images_THWC, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
    return torch.from_numpy(np.ascontiguousarray(padded.transpose(0, 3, 1, 2)))[None]


def masks_tensor(masks_THW: Bool) -> Tensor:
    """bool [1, T, 1, H, W], sides multiples of 8: nothing is missing beyond the frame."""
    below, right = _missing_sides(*masks_THW.shape[1:])
    return torch.from_numpy(np.pad(masks_THW, ((0, 0), (0, below), (0, right))))[None, :, None]


def flow_tensor(flow_S2hw: Float, height: int, width: int) -> Tensor:
    """fp32 [1, S, 2, H, W] for frames of this size, sides multiples of 8, from flow that may be smaller."""
    flow = torch.from_numpy(np.ascontiguousarray(flow_S2hw)).float()
    own_height, own_width = flow.shape[2:]
    if (own_height, own_width) != (height, width):
        scale = torch.tensor((width / own_width, height / own_height))[:, None, None]
        flow = F.interpolate(flow, (height, width), mode="bilinear") * scale
    below, right = _missing_sides(height, width)
    return F.pad(flow, (0, right, 0, below), mode="replicate")[None]


def _missing_sides(height: int, width: int) -> tuple[int, int]:
    return -height % SIDE_MULTIPLE_PX, -width % SIDE_MULTIPLE_PX


def _joined(
    parts: list[tuple[SubVideo, _Flows]], start: int, stop: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Pairs start..stop-1 out of the sub-videos' own ones."""
    cut = [[torch.zeros(1, 0, 2, *size)] * 2]  # a single frame has no pair
    for block, flows in parts:
        own = slice(max(start, block.start) - block.start, min(stop, block.stop) - block.start)
        cut.append([flow[:, own] for flow in flows])
    forward, backward = (torch.cat(flows, 1) for flows in zip(*cut, strict=True))
    return forward, backward
