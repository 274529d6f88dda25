"""Kernels of torch's fused attention: which there are, which one a device has, and the choice among them."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

Attention = Literal["auto", "flash", "efficient", "cudnn", "math"]
Kernel = Literal["flash", "efficient", "cudnn", "math"]

KERNELS: dict[Kernel, SDPBackend] = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "math": SDPBackend.MATH,
}
"""`math` is softmax(Q K) V written out: it takes anything, and stores all scores."""

_TRIED = (2, 4, 45, 128)  # windows, heads, tokens, channels of the generator's attention

_NAMES = {"flash": ("flash",), "efficient": ("memory efficient", "mem efficient"), "cudnn": ("cudnn",)}
"""As torch names them when it says why one was not used."""

_log = logging.getLogger(__name__)


@contextmanager
def attention_by(asked: Attention, device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Inside, attention is computed by the kernel that was asked for; where it cannot be, torch chooses, and a log says why.

    `dtype` is what attention gets there. A shape that the kernel refuses although it takes others goes to another one:
    only `math` is that kernel and no other.
    """
    if asked == "auto":
        yield
    elif reason := why_not(asked, device, dtype):
        _say_once(asked, reason)
        yield
    elif asked == "math":
        with sdpa_kernel(SDPBackend.MATH):
            yield
    else:
        others = [backend for name, backend in KERNELS.items() if name != asked]
        with sdpa_kernel([KERNELS[asked], *others], set_priority=True):
            yield


@cache
def why_not(kernel: Kernel, device: torch.device, dtype: torch.dtype) -> str:
    """Return torch's reason why it cannot compute the generator's attention by this kernel; "" where it can."""
    with (
        warnings.catch_warnings(record=True) as told,
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
    ):
        warnings.simplefilter("always")
        try:
            x = torch.zeros(_TRIED, dtype=dtype, device=device)
            with sdpa_kernel(KERNELS[kernel]):
                F.scaled_dot_product_attention(x, x, x)
        except (RuntimeError, NotImplementedError) as exc:
            # torch gives its reasons as warnings, those of other kernels too, and then raises without one.
            reasons = [_first_line(str(warning.message)) for warning in told]
            own = [reason for reason in reasons if _is_of(kernel, reason)]
            return f"{' '.join(own) or _first_line(str(exc))} ({str(dtype).removeprefix('torch.')} on {device.type})"
    return ""


def _is_of(kernel: Kernel, reason: str) -> bool:
    """Whether a reason is about this kernel: names it or none, and is more than that another was not asked for."""
    named = {name for name, words in _NAMES.items() if any(word in reason.lower() for word in words)}
    return "runtime disabled" not in reason and named <= {kernel}


def _first_line(text: str) -> str:
    """Without the place in torch's source that follows its words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].partition(" (Triggered internally")[0] if lines else "no reason given"


@cache
def _say_once(kernel: Kernel, reason: str) -> None:
    _log.warning("attention=%s cannot be used; torch chooses instead: %s", kernel, reason)
