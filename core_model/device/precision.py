"""Number formats and kernels: how values are computed, apart from what is computed.

What may be reduced is chosen by component: RAFT's convolutions and the generator's encoder, transformer and decoder run
inside `reduced`, flow completion and propagation inside `exact`; flow, correlation and the coordinates that anything is
sampled at are fp32 in both.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor

from reelmend.core_model.device.attention_kernels import Attention, attention_by

Precision = Literal["fp32", "bf16", "fp16"]
Compile = Literal["auto", "on", "off"]
Component = Literal["raft", "encoder", "transformer", "decoder"]
"""What has a precision: `transformer` includes the propagation of features before it."""

GENERATOR: tuple[Component, ...] = ("encoder", "transformer", "decoder")

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # of x86 processors, and of Arm ones
_AMPERE = (8, 0)  # the first CUDA capability that computes in bf16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Execution:
    """Switches that change time and memory, and the result by rounding at most."""

    attention: Attention = "auto"
    """`auto` lets torch choose among its fused kernels; any other is that one, where it can be used (`attention_by`)."""
    precision: Precision = "fp32"
    """Of RAFT's convolutions and the generator, where the device has it; see `usable_precision`."""
    tf32: bool = False
    """Let CUDA round what it multiplies to 10 bits of fraction, where it would compute in fp32 inside `reduced`."""
    compile: Compile = "auto"
    """`auto` compiles the hot parts on CUDA, `on` everywhere; where no compiler works, they run as they are."""
    cuda_graphs: bool = False
    """Record what has one shape as CUDA graphs, on a CUDA device (`graphed_parts.py`); takes memory."""
    components: tuple[tuple[Component, Precision], ...] = ()
    """Precision of single components, where that is not `precision`."""

    def __post_init__(self) -> None:
        for component, precision in self.components:
            if component not in get_args(Component) or precision not in get_args(Precision):
                raise ValueError(
                    f"Execution: expected components of {get_args(Component)} with one of {get_args(Precision)}, got "
                    f"{component!r} with {precision!r}"
                )
        for name, known in (("attention", Attention), ("precision", Precision), ("compile", Compile)):
            if getattr(self, name) not in get_args(known):
                raise ValueError(
                    f"Execution: expected {name} to be one of {get_args(known)}, got {getattr(self, name)!r}"
                )

    @property
    def rounding(self) -> str:
        """Names what results depend on by more than the order of sums."""
        own = [self.of(component).precision for component in GENERATOR]
        precision = "+".join(own) if len(set(own)) > 1 else own[0]
        return f"{precision}-tf32" if self.tf32 else precision

    def of(self, component: Component) -> "Execution":
        """Return the same switches with the precision of one component for everything."""
        own = dict(self.components)
        return replace(self, precision=own.get(component, self.precision), components=()) if own else self

    @contextmanager
    def within(self, component: Component, device: torch.device) -> Iterator[None]:
        """Inside `reduced`: inside this, arithmetic is as reduced as that component's precision says."""
        if not self.components:
            yield
            return
        with self.of(component).reduced(device):
            yield

    def handed_on(self, values: Tensor) -> Tensor:
        """Return values that one component gives to another, which may not compute in their number format."""
        return values.float() if self.components else values

    @contextmanager
    def reduced(self, device: torch.device) -> Iterator[None]:
        """Inside, arithmetic is as reduced as the switches say."""
        usable, reason = usable_precision(self.precision, device)
        if reason:
            _say_once(reason)
        dtype = _AUTOCAST.get(usable)
        with (
            self._switched(device, dtype, tf32=self.tf32),
            torch.autocast(device.type, dtype, enabled=dtype is not None),
        ):
            yield

    @contextmanager
    def exact(self, device: torch.device) -> Iterator[None]:
        """Inside, arithmetic is fp32 whatever the switches say."""
        with self._switched(device, None, tf32=False), torch.autocast(device.type, enabled=False):
            yield

    @contextmanager
    def _switched(self, device: torch.device, dtype: torch.dtype | None, *, tf32: bool) -> Iterator[None]:
        with ExitStack() as stack:
            if self.attention != "auto":
                stack.enter_context(attention_by(self.attention, device, dtype or torch.float32))
            if device.type == "cuda":
                stack.enter_context(_tf32(tf32))
            yield


def usable_precision(precision: Precision, device: torch.device) -> tuple[Precision, str]:
    """Return the precision that `device` computes in when asked for this one, and why if it is another ("" if not)."""
    if precision == "bf16" and device.type == "cpu" and not _cpu_has_bf16():
        return "fp32", "bf16: not supported by this processor, and slower when emulated; computing in fp32"
    if precision == "bf16" and device.type == "cuda" and torch.cuda.get_device_capability(device) < _AMPERE:
        return "fp32", f"bf16: {torch.cuda.get_device_name(device)} does not support it; computing in fp32"
    if precision == "fp16" and device.type == "cpu":
        return "fp32", "fp16: for GPUs only; on a CPU use bf16 or fp32; computing in fp32"
    return precision, ""


def _cpu_has_bf16() -> bool:
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in _BF16_INSTRUCTIONS)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    # The older pair of names: torch keeps the newer ones in step with it, and its own readers of either then agree.
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


@cache
def _say_once(reason: str) -> None:
    _log.warning("precision %s", reason)
