"""Description of the machine that was measured."""

import os
import platform
import subprocess
from pathlib import Path

import torch


def describe(device: str) -> dict[str, str]:
    """Return it in words, by what they describe. Raises RuntimeError where torch has no such device."""
    words = {
        "device": f"CPU, {platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "torchvision": _torchvision(),
        "commit": _commit(),
    }
    if torch.device(device).type == "cuda":
        try:
            found = torch.cuda.get_device_properties(device)
        except (RuntimeError, AssertionError) as exc:
            raise RuntimeError(f"torch {torch.__version__} cannot use {device}: {str(exc).splitlines()[0]}") from exc
        words["device"] = f"{found.name}, {found.total_memory / 2**30:.0f} GiB, sm_{found.major}{found.minor}"
        words["CUDA, cuDNN"] = f"{torch.version.cuda}, {torch.backends.cudnn.version()}"  # type: ignore[no-untyped-call]
        words["built for"] = " ".join(torch.cuda.get_arch_list())
    return words


def _torchvision() -> str:
    try:
        import torchvision  # type: ignore[import-not-found,unused-ignore]
    except (ImportError, OSError, RuntimeError):
        return "none that works: deformable convolution is written out"
    return str(torchvision.__version__)


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
