"""A GPU restores the picture that a CPU does, as far as its number formats allow.

Bounds are grey levels inside the hole of a small clip, in the mean and at most. Weights are drawn, and amplify
rounding more than trained ones.
"""

from copy import deepcopy

import numpy as np
import pytest
import torch

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propainter.restorer import Restorer
from tests.gpu.cuda import CUDA, needs_cuda, networks_on_gpu
from tests.released import shared
from tests.standin.shots import clip, restored_on_cpu, with_execution

pytestmark = needs_cuda


@pytest.mark.parametrize(
    ("switches", "mean", "most"),
    [
        ({"tf32": False}, 0.05, 4),
        ({"tf32": False, "attention": "math"}, 0.05, 4),
        ({"tf32": True}, 1, 60),
        ({"precision": "fp16"}, 1, 60),
        ({"precision": "bf16"}, 4, 255),
    ],
)
def test_a_clip_is_restored_as_on_a_cpu(switches: dict[str, object], mean: float, most: int) -> None:
    frames, masks = clip()
    restored = Restorer(*networks_on_gpu(), with_execution(**switches))(frames, masks)
    away = np.abs(restored.astype(int) - restored_on_cpu())
    assert away[~masks].max() == 0
    assert away[masks].mean() <= mean
    assert away[masks].max() <= most


@pytest.mark.parametrize(
    ("switches", "pixels"), [({"tf32": False}, 0.01), ({"tf32": True}, 0.2), ({"precision": "bf16"}, 0.5)]
)
def test_flow_is_a_cpus(switches: dict[str, object], pixels: float) -> None:
    """In the mean over the frames of 136x128, in pixels."""
    frames = np.random.default_rng(0).integers(0, 256, (3, 128, 136, 3), np.uint8)
    on_cpu = RaftFlow(lambda: shared(Raft), "", 4, Execution(compile="off")).estimate(frames)
    there = deepcopy(shared(Raft)).to(CUDA)
    execution = with_execution(**switches).execution
    found = RaftFlow(lambda: there, "", 4, execution).estimate(frames)
    assert max(np.abs(a - b).mean() for a, b in zip(found, on_cpu, strict=True)) <= pixels


def test_flow_is_completed_as_on_a_cpu_whether_it_is_kept_there_or_in_host_memory() -> None:
    draw = torch.Generator().manual_seed(0)
    flows = [torch.randn(1, 5, 2, 32, 48, generator=draw) for _ in range(2)]
    masks = torch.zeros(1, 6, 1, 32, 48)
    masks[..., 8:20, 10:30] = 1
    there = deepcopy(shared(FlowCompletion)).to(CUDA)
    with torch.inference_mode(), Execution().exact(CUDA):
        expected = shared(FlowCompletion)(*flows, masks)
        kept_there = there(*(x.to(CUDA) for x in (*flows, masks)))
        kept_here = there(*flows, masks)
    for a, b, c in zip(expected, kept_there, kept_here, strict=True):
        assert torch.allclose(a, b.cpu(), atol=1e-3)
        assert torch.allclose(a, c, atol=1e-3)
