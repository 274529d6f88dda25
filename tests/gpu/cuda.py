"""The CUDA device that the tests in this folder need.

They import torch, numpy, OpenCV and einops at most, and use no fixture of another folder:
`python -m pytest --noconftest tests/gpu` runs them on a machine that has no more.
"""

from copy import deepcopy

import pytest
import torch

from tests.released import Networks, shared_networks

CUDA = torch.device("cuda:0")


def networks_on_gpu() -> Networks:
    raft, completion, generator = shared_networks()
    return Networks(deepcopy(raft).to(CUDA), deepcopy(completion).to(CUDA), deepcopy(generator).to(CUDA))


needs_cuda = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
