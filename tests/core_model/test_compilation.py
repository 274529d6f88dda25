import logging
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch

from reelmend.core_model.device.compilation import CompileOutcome, compile_hot_parts, warm_up
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from tests.released import shared, with_test_weights

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def flow_completion() -> FlowCompletion:
    return with_test_weights(FlowCompletion())


class Compiler:
    """Makes C++ of the first graphs, and runs the others as they were captured: C++ of all takes half a minute."""

    def __init__(self, in_cpp: int) -> None:
        self.in_cpp = in_cpp
        self._inductor, self._captured = map(torch._dynamo.lookup_backend, ("inductor", "aot_eager"))

    def __call__(self, graph: Any, inputs: list[Any]) -> Callable[..., Any]:
        self.in_cpp -= 1
        return (self._captured if self.in_cpp < 0 else self._inductor)(graph, inputs)


@pytest.fixture
def _captured(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = Compiler(in_cpp=0)
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda _: compiler)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_a_compiled_part_gives_what_it_gives_as_it_is_and_keeps_its_names(
    flow_completion: FlowCompletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_part = Compiler(in_cpp=2)  # the compiler is tried out before
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda _: first_part)
    draw = torch.Generator().manual_seed(0)
    clip = torch.randn(1, 2, 2, 32, 40, generator=draw), torch.randn(1, 2, 2, 32, 40, generator=draw)
    masks = (torch.rand(1, 3, 1, 32, 40, generator=draw) > 0.7).float()
    names = list(flow_completion.state_dict())
    with torch.inference_mode():
        plain = flow_completion(*clip, masks)
        outcome = compile_hot_parts([flow_completion], "on", CPU)
        compiled = flow_completion(*clip, masks)
    assert first_part.in_cpp < -len(outcome.compiled) // 2, "the parts ran as they were compiled"
    assert "FlowCompletion.upsample" in outcome.compiled
    assert outcome.reason == ""
    assert all(torch.allclose(a, b, rtol=0, atol=1e-4) for a, b in zip(plain, compiled, strict=True))
    assert list(flow_completion.state_dict()) == names


@pytest.mark.slow
@pytest.mark.usefixtures("_captured")
def test_rafts_iteration_is_compiled_for_any_number_of_iterations() -> None:
    raft = with_test_weights(Raft())
    frames = torch.randn(1, 2, 3, 128, 128, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    with torch.inference_mode():
        plain = raft(frames, 3)
        compile_hot_parts([raft], "on", CPU)
        compiled = raft(frames, 3)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-4) for a, b in zip(plain, compiled, strict=True))


@pytest.mark.slow
@pytest.mark.usefixtures("_captured")
def test_the_generators_compiled_parts_give_the_same_picture() -> None:
    generator = deepcopy(shared(InpaintGenerator))
    draw = torch.Generator().manual_seed(0)
    frames, flow = torch.randn(1, 3, 3, 64, 96, generator=draw).clamp(-1, 1), torch.zeros(1, 1, 2, 64, 96)
    masks = torch.zeros(1, 3, 1, 64, 96)
    masks[..., 20:40, 30:60] = 1
    with torch.inference_mode():
        plain = generator(frames, masks, masks, flow, flow)
        outcome = compile_hot_parts([generator], "on", CPU)
        compiled = generator(frames, masks, masks, flow, flow)
    assert len(outcome.compiled) > 10
    assert torch.allclose(plain, compiled, rtol=0, atol=1e-4)


def test_a_compiler_that_does_not_work_leaves_everything_as_it_is_and_says_why(
    flow_completion: FlowCompletion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(config, "force_disable_caches", True)
    with caplog.at_level(logging.WARNING):
        outcome = compile_hot_parts([flow_completion], "on", CPU)
    assert outcome.compiled == ()
    assert outcome.reason.startswith("compilation failed, continuing without it: ")
    assert "no-such-compiler" in outcome.reason or "C++ compiler" in outcome.reason
    assert any(outcome.reason in record.message for record in caplog.records)
    with torch.inference_mode():
        flow_completion(torch.zeros(1, 1, 2, 16, 16), torch.zeros(1, 1, 2, 16, 16), torch.zeros(1, 2, 1, 16, 16))


def test_a_cpu_compiles_nothing_unless_asked(flow_completion: FlowCompletion) -> None:
    assert compile_hot_parts([flow_completion], "auto", CPU) == CompileOutcome(
        (), "compile=auto compiles on CUDA only, and this is cpu"
    )
    assert compile_hot_parts([flow_completion], "off", CPU) == CompileOutcome((), "compile=off")


def test_warming_up_runs_a_whole_window() -> None:
    networks, ran = [shared(network) for network in (Raft, FlowCompletion, InpaintGenerator)], []
    hooks = [n.register_forward_hook(lambda network, *_: ran.append(type(network).__name__)) for n in networks]
    warm_up(networks, Execution(), (128, 128), frames=2)
    for hook in hooks:
        hook.remove()
    assert ran == ["Raft", "FlowCompletion", "InpaintGenerator"]
