"""Which parts of the networks are worth compiling, and what if they cannot be?

Compiled are parts whose shapes stay the same from one window to the next. What varies (attention, which depends on how
many windows are masked; the last block's feed-forward and the decoder, which depend on where the mask is; sampling)
runs as it is. State dicts keep their names. CUDA graphs are left to the driver's own batching: not used.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from core_model.execution import Compile, Execution
from core_model.networks.flow_completion import FlowCompletion
from core_model.networks.generator import InpaintGenerator
from core_model.networks.raft import Raft

_MOST_SHAPES = 4
"""A part is compiled for as many; with others it runs as it is."""

_log = logging.getLogger(__name__)


class CompileOutcome(NamedTuple):
    """What was done."""

    compiled: tuple[str, ...]
    """The parts, by network and name; each is compiled when it first runs (see `warm_up`)."""
    reason: str
    """Why nothing is compiled; "" where something is."""


def compile_hot_parts(
    raft: Raft, flow_completion: FlowCompletion, generator: InpaintGenerator, mode: Compile, device: torch.device
) -> CompileOutcome:
    """Let the hot parts of networks on `device` be compiled, in place; where no compiler works, leave them as they are.

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
    parts = dict(_hot_parts(raft, flow_completion, generator))
    for part in parts.values():
        # Not nn.Module.compile(): it leaves out modules that are torch's own, such as Sequential.
        part.forward = _compiled(part.forward, compiler)
    return CompileOutcome(tuple(parts), "")


def warm_up(
    raft: Raft,
    flow_completion: FlowCompletion,
    generator: InpaintGenerator,
    execution: Execution,
    size: tuple[int, int],
    frames: int = 18,
) -> None:
    """Run every part once on a grey clip of `size` (H, W: multiples of 8, at least 128), so that it is compiled.

    `frames` are those of a generator window, the first 11 of them local as in the published script.
    """
    device = raft.fnet.conv1.weight.device
    clip = torch.zeros(1, frames, 3, *size, device=device)
    masks = torch.zeros(1, frames, 1, *size, device=device)
    masks[..., : size[0] // 2, : size[1] // 2] = 1
    local = min(frames, 11)
    with torch.inference_mode():
        with execution.reduced(device):
            flows = raft(clip[:, :local], iterations=2)
        with execution.exact(device):
            flows = flow_completion(*flows, masks[:, :local])
        with execution.reduced(device):
            generator(clip, masks, masks, *flows)


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
                self.failure = f"compiling failed, running as it is: {_first_line(exc)}"
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


def _hot_parts(
    raft: Raft, flow_completion: FlowCompletion, generator: InpaintGenerator
) -> Iterator[tuple[str, nn.Module]]:
    recurrence, propagation = flow_completion.feat_prop_module, generator.feat_prop_module
    transformer: Sequence[nn.Module] = list(generator.transformers.transformer)
    yield from (("raft.fnet", raft.fnet), ("raft.cnet", raft.cnet), ("raft.update_block", raft.update_block))
    for name in ("downsample", "decoder2", "decoder1", "upsample"):
        yield f"flow_completion.{name}", flow_completion.get_submodule(name)
    for network, module in (("flow_completion", recurrence), ("generator", propagation)):
        for way in module.backbone:
            yield f"{network}.offsets.{way}", module.get_submodule(f"deform_align.{way}.conv_offset")
            yield f"{network}.backbone.{way}", module.get_submodule(f"backbone.{way}")
    yield from (("generator.encoder", generator.encoder), ("generator.fuse", propagation.fuse))
    for number, block in enumerate(transformer[:-1]):
        yield f"generator.feed_forward.{number}", block.get_submodule("mlp")
