"""Optical flow by RAFT for clips of any length and size.

Legend: T frames, H W height and width, S = T-1 pairs of adjacent frames.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
from reelmend.core_model.device.cuda_errors import one_out_of_memory
from reelmend.core_model.device.graphed_parts import graph_hot_parts
from reelmend.core_model.device.memory import full_device_named, memory_of
from reelmend.core_model.device.memory_ladder import FEWER_PAIRS, STEPS
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8, Float
from reelmend.core_model.networks.raft import SIDE_MULTIPLE_PX, SMALLEST_SIDE_PX, Raft
from reelmend.core_model.progress import SKIPPED
from reelmend.core_model.ranges import named_range

_CORRELATION_BYTES = 2**30  # of the volumes of all pairs that are worked on at once
_MOST_PAIRS = 8
_MOST_PAIRS_CPU = 1  # what more of them need leaves the caches, and takes a quarter longer


class RaftFlow:
    """Optical flow by RAFT; see `reelmend.core_model.engine.FlowEstimator`.

    Frames are padded, not scaled, to sides that are multiples of 8 and at least 128. Pairs go through the network in
    groups that the frame size fixes, counted from the clip's first; where the device has too little memory for a
    group, in smaller ones, which is remembered for frames of that size. A group's volumes of correlation take at most
    1 GiB however much is free, so that two workers can share a device; a single pair above 780x780 takes more.
    """

    def __init__(
        self, load: Callable[[], Raft], digest: str, iterations: int, execution: Execution, stop_below: float = 0.0
    ) -> None:
        """`digest` names the weights that `load` returns, ready on their device.

        `stop_below`: see `settled_iterations`; with 0 pixels there are always `iterations`.
        """
        stops = f"-below{stop_below:g}" if stop_below else ""
        self.digest = f"raft-1-{digest}-{iterations}-{execution.rounding}{stops}"
        self._load, self._iterations, self._execution, self._stop_below = load, iterations, execution, stop_below
        self._raft: Raft | None = None
        self._compiled = False
        self._most_pairs: dict[tuple[int, ...], int] = {}

    def warm(self, size: tuple[int, int] | None) -> None:
        network = self._network()
        if size is not None and self._compiled:
            warm_up([network], self._execution, _padded_size(*size))

    @named_range("flow of a group of pairs")
    @torch.inference_mode()
    def estimate(self, frames_THWC: U8) -> tuple[Float, Float]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], of RGB u8 frames.

        Raises ValueError for anything but two frames or more; FloatingPointError when the flow is not finite, which
        comes of unsuitable weights or precision.
        """
        _check(frames_THWC)
        height, width = frames_THWC.shape[1:3]
        own = np.array(frames_THWC, order="C")  # torch takes no view that is mirrored or read-only
        padded = _padded(torch.from_numpy(own.transpose(0, 3, 1, 2)))
        with full_device_named(f"a pair of {width}x{height} frames"):
            iterations = self._settled(padded) if self._stop_below else self._iterations
            forward, backward = (flow[0, ..., :height, :width] for flow in self._estimate(padded, iterations))
            SKIPPED.raft_iterations += (self._iterations - iterations) * (len(padded) - 1)
        if not all(flow.isfinite().all() for flow in (forward, backward)):
            raise FloatingPointError(f"the flow of {width}x{height} frames is not finite in {self._execution.rounding}")
        return np.ascontiguousarray(forward), np.ascontiguousarray(backward)

    def _settled(self, frames_T3HW: Tensor) -> int:
        """Return how many iterations all pairs get: as many as settle the one whose frames differ most.

        One pair by itself, so that the number does not depend on how many fit into memory at once.
        """
        differences = [float((after - before).abs().mean()) for before, after in pairwise(frames_T3HW)]
        hardest = differences.index(max(differences))
        network = self._network()
        device = network.fnet.conv1.weight.device
        pair = frames_T3HW[None, hardest : hardest + 2].to(device)
        with self._execution.reduced(device):
            return network.settled_iterations(pair, self._iterations, self._stop_below)

    def _estimate(self, frames_T3HW: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
        network = self._network()
        size = tuple(frames_T3HW.shape[2:])
        cells = size[0] * size[1] // SIDE_MULTIPLE_PX**2
        device = network.fnet.conv1.weight.device
        most = self._most_pairs.get(size, _MOST_PAIRS_CPU if device.type == "cpu" else _MOST_PAIRS)
        # Two directions of 4 bytes a value, and the pyramid on top of each.
        pairs = max(1, min(most, _CORRELATION_BYTES // (3 * 4 * cells**2)))
        try:
            with one_out_of_memory(), self._execution.reduced(device):
                forward, backward = network(frames_T3HW[None], iterations, pairs)
            return forward, backward
        except torch.OutOfMemoryError:
            fewer = FEWER_PAIRS.below(pairs)
            if fewer is None:
                raise
        STEPS.take(FEWER_PAIRS)
        memory = memory_of(device)
        if memory is not None:
            memory.release()
        self._most_pairs[size] = fewer
        return self._estimate(frames_T3HW, iterations)

    def _network(self) -> Raft:
        if self._raft is None:
            self._raft = self._load()
            device = self._raft.fnet.conv1.weight.device
            self._compiled = bool(compile_hot_parts([self._raft], self._execution.compile, device).compiled)
            if self._execution.cuda_graphs:
                graph_hot_parts([self._raft])
        return self._raft


def _check(frames: U8) -> None:
    fits = frames.ndim == 4 and len(frames) >= 2 and frames.shape[3] == 3 and frames.size > 0
    if not fits or frames.dtype != np.uint8:
        raise ValueError(f"RaftFlow: expected u8 frames [T >= 2, H, W, 3], got {frames.dtype} {[*frames.shape]}")


def _padded(frames_T3HW: Tensor) -> Tensor:
    """fp32 in [-1, 1], the outermost pixels repeated below and on the right."""
    height, width = frames_T3HW.shape[2:]
    padded_height, padded_width = _padded_size(height, width)
    below, right = padded_height - height, padded_width - width
    return F.pad(frames_T3HW.float() / 255 * 2 - 1, (0, right, 0, below), mode="replicate")


def _padded_size(height: int, width: int) -> tuple[int, int]:
    rows, columns = (max(SMALLEST_SIDE_PX, side + -side % SIDE_MULTIPLE_PX) for side in (height, width))
    return rows, columns
