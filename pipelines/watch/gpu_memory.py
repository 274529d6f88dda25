"""Memory in use on this process's GPU; none if torch, which takes seconds to load, was never imported."""

import os
import platform
import sys

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def device_in_use() -> tuple[str, float]:
    """Return (`machine:GPU`, MB in use there by all processes); ("", 0) where this process uses none.

    The GPU is named as the machine numbers it, which is not how the process does: it sees only its own.
    """
    if "torch" not in sys.modules:
        return "", 0.0
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return "", 0.0
    free, total = torch.cuda.mem_get_info()
    visible = os.environ.get(_VISIBLE, "").split(",")[0]
    return f"{platform.node()}:{visible or torch.cuda.current_device()}", (total - free) / 2**20


def most_in_use() -> int:
    """Return the bytes that this process ever had in use on its GPU at the most; 0 where it uses none."""
    if "torch" not in sys.modules:
        return 0
    from reelmend.core_model.device_memory import peak_bytes

    return peak_bytes()
