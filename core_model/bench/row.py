"""One row of the benchmark, run in its own process so that rows do not disturb each other's memory.

    python -m reelmend.core_model.bench.row < REQUEST

Reads a request as JSON from standard input, writes what was measured as JSON to standard output.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from unittest import mock

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from reelmend.core_model.bench.clip import made_clip
from reelmend.core_model.bench.rows import Row
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
from reelmend.core_model.device.cuda_graphs import why_not_graphed
from reelmend.core_model.device.huge_pages import use_huge_pages
from reelmend.core_model.device.memory import CudaMemory
from reelmend.core_model.device.peak_memory import peak_rss_mb
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restorer import Restorer

_REPEATS_ON_CUDA = 3
_SMALLEST_SIDE_PX, _SIDE_MULTIPLE_PX = 128, 8


def main() -> None:
    request = json.load(sys.stdin)
    row, frames, size = Row(**request["row"]), request["frames"], tuple(request["size"])
    device = torch.device(request["device"])
    if row.huge_pages:
        use_huge_pages()
    raft, flow_completion = with_drawn_weights(Raft()).to(device), with_drawn_weights(FlowCompletion()).to(device)
    generator = with_drawn_weights(InpaintGenerator()).to(device)
    if row.channels_last:
        for module in (*raft.modules(), *flow_completion.modules(), *generator.modules()):
            if isinstance(module, nn.Conv2d):  # tensors of volumes have another form
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    options = RestoreOptions(window_batch=row.window_batch, execution=row.execution())
    restorer = Restorer(raft, flow_completion, generator, options)
    clip, masks = made_clip(frames, size)
    if request["operations"]:
        print(json.dumps(_count(lambda: restorer(clip, masks))))
        return
    measured, restored = _measure(restorer, [raft, flow_completion, generator], row, clip, masks)
    np.save(request["save"], restored[masks])
    print(json.dumps(measured))


def _measure(
    restorer: Restorer, networks: Sequence[nn.Module], row: Row, clip: U8, masks: Bool
) -> tuple[dict[str, float | str], U8]:
    device = next(networks[0].parameters()).device
    outcome = compile_hot_parts(networks, row.execution().compile, device)
    if outcome.compiled:
        height, width = (max(_SMALLEST_SIDE_PX, side + -side % _SIDE_MULTIPLE_PX) for side in clip.shape[1:3])
        warm_up(networks, row.execution(), (height, width))
    repeats = 1
    if device.type == "cuda":  # kernels are loaded and chosen when they first run
        restorer(clip, masks)
        repeats = _REPEATS_ON_CUDA
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        restored = restorer(clip, masks)  # ends with the picture in host memory: nothing is left under way
        seconds.append(time.perf_counter() - start)
    notes = ([outcome.reason] if row.compile != "off" and outcome.reason else []) + why_not_graphed()
    return {"seconds": min(seconds), "memory_mb": _peak_mb(device), "note": "; ".join(notes)}, restored


def _peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return max(CudaMemory.highest, torch.cuda.max_memory_allocated(device)) / 2**20
    return peak_rss_mb()


def _count(restore: Callable[[], object]) -> dict[str, float]:
    """GFLOP by network, a fused multiply-add as two; attention has to be written out to be counted."""
    # A kernel of another package would not be counted.
    own = mock.patch("reelmend.core_model.networks.deform.torchvision_kernel", return_value=None)
    with own, FlopCounterMode(display=False) as counter:
        restore()
    by_module = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    raft, completion = (by_module.get(name, 0) for name in ("Raft", "FlowCompletion"))
    counted = {"raft": raft, "flow_completion": completion, "generator": counter.get_total_flops() - raft - completion}
    return {name: operations / 1e9 for name, operations in counted.items()}


if __name__ == "__main__":
    main()
