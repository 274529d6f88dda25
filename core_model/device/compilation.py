"""Compilation of the parts of the networks that profit from it, and the fallback if it fails.

Compiled are parts whose shapes stay the same from one window to the next. What varies (attention, which depends on how
many windows are masked; the last block's feed-forward and the decoder, which depend on where the mask is; sampling)
runs as it is. State dicts keep their names. CUDA graphs are left to the driver's own batching: not used.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from reelmend.core_model.device.precision import Compile, Execution
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.networks.transformer import DEPTH

_MOST_SHAPES = 4
"""A part is compiled for as many; with others it runs as it is."""

_LOCAL = 11  # local frames of a window in the published script

_log = logging.getLogger(__name__)


class CompileOutcome(NamedTuple):
    """What was done."""

    compiled: tuple[str, ...]
    """The parts, by network and name; each is compiled when it first runs (see `warm_up`)."""
    reason: str
    """Why nothing is compiled; "" where something is."""


def compile_hot_parts(networks: Iterable[nn.Module], mode: Compile, device: torch.device) -> CompileOutcome:
    """Let the hot parts of networks on `device` be compiled, in place; where no compiler works, leave them as they are.

    `networks` are any of Raft, FlowCompletion and InpaintGenerator: an actor compiles those that it holds.
    A part that cannot be compiled later, for one of its shapes, runs as it is and a warning says why.
    """
    if mode == "off":
        return CompileOutcome((), "compile=off")
    if mode == "auto" and device.type != "cuda":
        return CompileOutcome((), f"compile=auto compiles on CUDA only, and this is {device.type}")
    compiler = _Compiler()
    _try_out(compiler, device)
    if compiler.failure:
        _log.log(logging.WARNING if mode == "on" else logging.INFO, "compile: %s", compiler.failure)
        return CompileOutcome((), compiler.failure)
    parts = {name: part for network in networks for name, part in _hot_parts(network)}
    for part in parts.values():
        # Not nn.Module.compile(): it leaves out modules that are torch's own, such as Sequential.
        part.forward = _compiled(part.forward, compiler)
    return CompileOutcome(tuple(parts), "")


def warm_up(networks: Iterable[nn.Module], execution: Execution, size: tuple[int, int], frames: int = 18) -> None:
    """Run each of the networks once on a grey clip of `size` (H, W), so that its parts are compiled.

    Sides are multiples of 8, at least 128 for Raft. `frames` are those of a generator window, the first 11 of them
    local, as in the published script.
    """
    for network in networks:
        device = next(network.parameters()).device
        clip = torch.zeros(1, frames, 3, *size, device=device)
        masks = torch.zeros(1, frames, 1, *size, device=device)
        masks[..., : size[0] // 2, : size[1] // 2] = 1
        local = min(frames, _LOCAL)
        flow = torch.zeros(1, local - 1, 2, *size, device=device)
        exact = isinstance(network, FlowCompletion)
        with torch.inference_mode(), execution.exact(device) if exact else execution.reduced(device):
            match network:
                case Raft():
                    network(clip[:, :local], iterations=2)
                case FlowCompletion():
                    network(flow, flow, masks[:, :local])
                case InpaintGenerator():
                    network(clip, masks, masks, flow, flow)


class _Compiler:
    """torch's own compiler, until it fails: from then on graphs run as they are."""

    def __init__(self) -> None:
        self.failure = ""
        self._inductor: Callable[..., Callable[..., Any]] = torch._dynamo.lookup_backend("inductor")

    def __call__(self, graph: fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        if not self.failure:
            try:
                return self._inductor(graph, inputs)
            except Exception as exc:  # a missing or broken compiler shows in many ways; none must stop a run
                self.failure = f"compilation failed, continuing without it: {_first_line(exc)}"
                _log.warning("compile: %s", self.failure)
        return graph.forward


def _first_line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return f"{type(exc).__name__}: {lines[0]}" if lines else type(exc).__name__


def _try_out(compiler: _Compiler, device: torch.device) -> None:
    with torch.no_grad():
        _compiled(lambda x: F.leaky_relu(x, 0.2) + 1, compiler)(torch.ones(64, device=device))


def _compiled(function: Callable[..., Any], compiler: _Compiler) -> Callable[..., Any]:
    # Parts share code, of nn.Sequential for one; before torch 2.13 they also share one limit of 8 shapes.
    own_limit: dict[str, Any] = {"isolate_recompiles": True, "recompile_limit": _MOST_SHAPES}
    known = inspect.signature(torch.compile).parameters
    limits = own_limit if own_limit.keys() <= known.keys() else {}
    compiled: Callable[..., Any] = torch.compile(function, backend=compiler, dynamic=False, **limits)
    return compiled


def _hot_parts(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    match network:
        case Raft():
            names = ["fnet", "cnet", "update_block"]
        case FlowCompletion():
            names = ["downsample", "decoder2", "decoder1", "upsample", *_recurrent(network)]
        case InpaintGenerator():
            mixing = [f"transformers.transformer.{number}.mlp" for number in range(DEPTH - 1)]
            names = ["encoder", "feat_prop_module.fuse", *_recurrent(network), *mixing]
        case _:
            names = []
    for name in names:
        yield f"{type(network).__name__}.{name}", network.get_submodule(name)


def _recurrent(network: FlowCompletion | InpaintGenerator) -> Iterator[str]:
    for way in network.feat_prop_module.backbone:
        yield f"feat_prop_module.deform_align.{way}.conv_offset"
        yield f"feat_prop_module.backbone.{way}"
