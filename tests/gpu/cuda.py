"""The CUDA device that the tests in this folder need.

They import torch, numpy, OpenCV and einops at most, and use no fixture of another folder:
`python -m pytest --noconftest tests/gpu` runs them on a machine that has no more.
"""

import pytest
import torch

CUDA = torch.device("cuda:0")
needs_cuda = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
