"""The device that networks compute on: what a job asks for, held against what this process can use."""

import re
from functools import cache

import torch

ASKED = re.compile(r"auto|cpu|cuda(:\d+)?|mps")
"""What can be asked for."""

_LONGEST_REASON = 300


class NoDevice(RuntimeError):
    """This process cannot compute on the device that was asked for; the text holds torch's own reason."""


def choose_device(asked: str) -> torch.device:
    """Return the device for `asked`: auto, cpu, cuda, cuda:N or mps.

    auto: CUDA where torch can use it, else the CPU; never MPS, which nobody has tested. Anything else is that device or
    an error: a worker that holds a GPU and computes on its CPU would take it from others for nothing. Raises NoDevice,
    and ValueError for a name that is none of these.
    """
    if not ASKED.fullmatch(asked):
        raise ValueError(f"expected a device auto, cpu, cuda, cuda:N or mps, got {asked!r}")
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(asked)
    if device.type != "cpu" and (reason := why_not(asked)):
        raise NoDevice(f"device={asked} cannot be used: {reason}")
    if device.index:  # so that what asks for the current device (memory, names) is told of this one
        torch.cuda.set_device(device)
    return device


@cache
def why_not(asked: str) -> str:
    """Return torch's own reason why it cannot compute on this device, in one line; "" where it can."""
    try:
        # A sum, and not only memory: a GPU that this build has no kernels for gives memory as well.
        torch.ones(2, device=asked).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as exc:  # torch asserts that it was built with CUDA
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
        said = lines[0] if lines else type(exc).__name__
        # An operator that is missing is told with a list of all backends that have it.
        return (said.split(". ")[0] if len(said) > _LONGEST_REASON else said) + _build()
    return ""


def _build() -> str:
    return (
        f" (torch {torch.__version__}, built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'no CUDA'})"
    )
