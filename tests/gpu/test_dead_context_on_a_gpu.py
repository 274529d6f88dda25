"""What a GPU alone can show of errors of CUDA: what a dead context says, and that another process can go on."""

import os
import subprocess
import sys

from tests.gpu.cuda import needs_cuda

pytestmark = needs_cuda

_KILL = """
import torch
from reelmend.core_model.device.cuda_errors import context_fault, ending_fault
from reelmend.core_model.device.last_operator import LastOperator

values, out_of_range = torch.zeros(2, device="cuda"), torch.tensor([5], device="cuda")
assert context_fault() is None
with LastOperator() as last:
    try:
        values[out_of_range]
        torch.cuda.synchronize()
    except RuntimeError as error:
        print("raised", ending_fault(error)[0])
print("afterwards", context_fault()[0])
print("operator", last.words.split(" of ")[0])
"""


def test_a_dead_context_is_recognised_and_ends_with_its_process() -> None:
    blocking = {**os.environ, "CUDA_LAUNCH_BLOCKING": "1"}
    dead = subprocess.run([sys.executable, "-c", _KILL], env=blocking, text=True, capture_output=True, check=False)
    lines = ["raised illegal access", "afterwards illegal access", "operator aten.index.Tensor"]
    assert dead.stdout.splitlines() == lines, dead.stderr
    whole = "import torch; print(torch.ones(2, device='cuda').sum().item())"
    assert subprocess.check_output([sys.executable, "-c", whole], text=True) == "2.0\n"
