"""CUDA graphs on the stand-in: replayed bytes are the eager ones, and what cannot be recorded runs as it is."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from reelmend.core_model.device.cuda_graphs import (
    MOST_RECORDINGS,
    MOST_SHAPES,
    GraphedFunction,
    drop_graphs,
    why_not_graphed,
)
from reelmend.core_model.device.graphed_parts import graph_hot_parts
from reelmend.core_model.device.memory import CudaMemory
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import FrameFeatures, Raft, _joined
from reelmend.core_model.networks.raft_update import GateWeights
from reelmend.core_model.propainter.restorer import Restorer
from tests.standin.card_tensor import CARD
from tests.standin.fake_cuda import Card
from tests.standin.fake_graphs import FakeGraph, fake_graphs
from tests.standin.shots import OPTIONS, clip, networks_on, restored_on_cpu, with_execution


@pytest.fixture
def graphs(gpu: Card) -> Iterator[type[FakeGraph]]:
    with fake_graphs(gpu.stand_in) as made:
        yield made


class Doubling:
    """Counts how often its Python runs: a replayed graph runs none."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        self.calls += 1
        return (x * 2, x[1:] + 1)


def on_card(*values: float) -> Tensor:
    return torch.tensor(values, device=CARD)


def test_the_second_call_records_and_later_ones_replay_with_their_own_values(graphs: type[FakeGraph]) -> None:
    double = Doubling()
    graphed = GraphedFunction("doubling", double)
    found = [graphed(on_card(n, 10 * n)) for n in (1.0, 2.0, 3.0, 4.0)]
    assert [[x.cpu().tolist() for x in made] for made in found] == [
        [[2 * n, 20 * n], [10 * n + 1]] for n in (1.0, 2.0, 3.0, 4.0)
    ]
    assert (double.calls, graphs.made) == (2, 1)


def test_what_is_recorded_is_not_computed_until_it_is_replayed(graphs: type[FakeGraph]) -> None:
    """The stand-in is as strict as CUDA here: else the test above would hold without a replay."""
    graph, x = graphs(), on_card(1.0)
    with torch.cuda.graph(graph):  # type: ignore[arg-type]
        made = x * 2
    assert np.isnan(made.cpu().item())
    graph.replay()
    assert made.cpu().item() == 2


def test_a_graph_is_kept_for_each_of_the_shapes_used_last(graphs: type[FakeGraph]) -> None:
    double = Doubling()
    graphed = GraphedFunction("doubling", double)
    for _ in range(3):
        for length in range(1, MOST_SHAPES + 1):
            (doubled, _more) = graphed(torch.ones(length, device=CARD))
            assert doubled.cpu().tolist() == [2] * length
    assert (graphs.made, double.calls) == (MOST_SHAPES, 2 * MOST_SHAPES)
    for _ in range(2):
        graphed(torch.ones(99, device=CARD))
    graphed(torch.ones(2, device=CARD))
    assert graphs.made == MOST_SHAPES + 1, "the one of length 1 was used longest ago"
    graphed(torch.ones(1, device=CARD))
    assert graphs.made == MOST_SHAPES + 2


def test_where_shapes_change_all_the_time_recording_ends(graphs: type[FakeGraph]) -> None:
    graphed = GraphedFunction("doubling", Doubling())
    for length in range(1, MOST_RECORDINGS + 5):
        for _ in range(2):
            assert graphed(torch.ones(length, device=CARD))[0].shape == (length,)
    assert graphs.made == MOST_RECORDINGS


def test_each_number_format_has_a_graph(graphs: type[FakeGraph]) -> None:
    matmul = GraphedFunction("product", lambda x: (x @ x,))
    formats = []
    for enabled in (False, False, True, True, True, False):
        with torch.autocast("cuda", torch.bfloat16, enabled=enabled):
            formats.append(matmul(torch.ones(2, 2, device=CARD))[0].dtype)
    assert formats == [torch.float32] * 2 + [torch.bfloat16] * 3 + [torch.float32]


def test_a_function_that_waits_runs_as_it_is_with_the_reason(
    graphs: type[FakeGraph], caplog: pytest.LogCaptureFixture
) -> None:
    def waits(x: Tensor) -> tuple[Tensor, ...]:
        return (x * 2,) if x.sum() > 0 else (x,)

    graphed = GraphedFunction("branches", waits)
    assert [graphed(on_card(n))[0].cpu().item() for n in (1.0, -1.0, 2.0)] == [2, -1, 4]
    assert graphed.reason == "RuntimeError: operation not permitted when stream is capturing: bool"
    assert caplog.text.count("CUDA graphs: branches runs without: ") == 1
    assert f"branches: {graphed.reason}" in why_not_graphed()


def test_memory_that_runs_out_takes_the_graphs_first(graphs: type[FakeGraph]) -> None:
    graphed = GraphedFunction("doubling", Doubling())
    for n in (1.0, 2.0):
        graphed(on_card(n, n))
    CudaMemory(CARD).release()
    assert graphed.reason.startswith("memory ran out")
    assert graphed(on_card(3.0, 3.0))[0].cpu().tolist() == [6, 6]
    other = GraphedFunction("never called", Doubling())
    drop_graphs("again")
    assert other.reason == "", "it keeps nothing"


def test_out_of_memory_while_recording_runs_as_it_is(graphs: type[FakeGraph], gpu: Card) -> None:
    graphed = GraphedFunction("doubling", Doubling())
    graphed(on_card(1.0, 1.0))
    gpu.memory.capacity = gpu.memory.used + 24  # two floats, the copy that a recording keeps, and one more
    assert graphed(on_card(2.0, 2.0))[0].cpu().tolist() == [4, 4]
    assert graphed.reason.startswith("OutOfMemoryError: CUDA out of memory")


def test_cudnn_measures_its_algorithms_there_and_nowhere_else_and_a_graph_rounds_weights_itself(
    graphs: type[FakeGraph],
) -> None:
    """Weights that autocast has rounded and kept would be gone when the graph is replayed: none are while it is recorded."""
    measured, kept = [], []

    def note(x: Tensor) -> tuple[Tensor, ...]:
        measured.append(torch.backends.cudnn.benchmark)
        kept.append(torch.is_autocast_cache_enabled())
        return (x + 1,)

    graphed = GraphedFunction("note", note)
    for n in (1.0, 2.0):
        graphed(on_card(n))
    assert (measured, kept) == ([True, True], [True, False])
    assert (torch.backends.cudnn.benchmark, torch.is_autocast_cache_enabled()) == (False, True)


def test_on_a_cpu_functions_run_as_they_are() -> None:
    double = Doubling()
    graphed = GraphedFunction("doubling", double)
    for _ in range(3):
        assert graphed(torch.ones(2))[0].tolist() == [2, 2]
    assert double.calls == 3


def test_a_clip_restored_with_graphs_is_the_eager_one(graphs: type[FakeGraph], gpu: Card) -> None:
    """Seven frames are encoded and three groups of windows propagated: the third of each is a replay."""
    restored = Restorer(*networks_on(gpu.stand_in), with_execution(cuda_graphs=True))(*clip())
    assert graphs.made == 2, "of the encoder and of feature propagation; RAFT was called once"
    assert np.array_equal(restored, restored_on_cpu())


def test_in_a_reduced_number_format_a_replay_is_the_eager_one_too(graphs: type[FakeGraph], gpu: Card) -> None:
    there = networks_on(gpu.stand_in).generator
    graph_hot_parts([there])
    draw = torch.Generator().manual_seed(0)
    frames, masks = torch.rand(3, 1, 1, 3, 24, 32, generator=draw), torch.zeros(1, 1, 1, 24, 32)
    with torch.inference_mode(), with_execution(precision="bf16").execution.reduced(CARD):
        found = [there.encode(*(x.to(CARD) for x in (frame, masks, masks))).cpu() for frame in frames]
        eager = InpaintGenerator.encode(there, *(x.to(CARD) for x in (frames[2], masks, masks))).cpu()
    assert graphs.made == 1
    assert found[2].dtype == torch.bfloat16
    assert torch.equal(found[2], eager)


def test_each_number_of_iterations_has_a_graph(graphs: type[FakeGraph], gpu: Card) -> None:
    """A warm-up asks for two, a run for twenty."""
    raft, *_ = networks_on(gpu.stand_in)
    graph_hot_parts([raft])
    frames = torch.rand(1, 2, 3, 128, 128, generator=torch.Generator().manual_seed(0)).to(CARD)
    with torch.inference_mode():
        eager = {number: Raft._flow(raft, *encoded(raft, frames), number)[0].cpu() for number in (1, 2)}
        graphed = {number: [raft(frames, number)[0].cpu() for _ in range(3)][-1] for number in (2, 1)}
    assert graphs.made == 2
    assert all(torch.equal(graphed[number], eager[number]) for number in (1, 2))
    assert not torch.equal(eager[1], eager[2])


def encoded(raft: Raft, frames: Tensor) -> tuple[FrameFeatures, tuple[GateWeights, GateWeights]]:
    """As `Raft.forward` encodes them: the first frame by itself."""
    passes = raft.update_block.gru.passes()
    first, second = (raft._encode(frames[:, t : t + 1], passes) for t in (0, 1))
    return _joined(first, second), passes


def test_flow_is_graphed_where_the_execution_says_so_and_only_there(graphs: type[FakeGraph], gpu: Card) -> None:
    for cuda_graphs in (False, True):
        raft, *_ = networks_on(gpu.stand_in)
        flow = RaftFlow(lambda raft=raft: raft, "", 1, replace(OPTIONS.execution, cuda_graphs=cuda_graphs))  # type: ignore[misc]
        for _ in range(2):
            flow.estimate(clip()[0][:2])
        assert graphs.made == cuda_graphs
