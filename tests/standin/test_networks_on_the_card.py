"""The whole of the restorer on tensors that only say they are on a GPU.

Devices are never mixed, values are those of a CPU bit for bit, every function that touches a tensor has run, and the
host waits for the card as often as it must, and not once more.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reelmend.core_model.device.choice import choose_device, why_not
from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
from reelmend.core_model.device.cuda_errors import context_fault, cuda_fault, ending_fault, one_out_of_memory
from reelmend.core_model.device.cuda_graphs import why_not_graphed
from reelmend.core_model.device.gpu_check import Checked, check_device
from reelmend.core_model.device.gpu_load import MeanLoad, reserved_bytes
from reelmend.core_model.device.graphed_parts import graph_hot_parts
from reelmend.core_model.device.last_operator import LastOperator
from reelmend.core_model.device.memory import CudaMemory, peak_bytes
from reelmend.core_model.device.memory_snapshot import MemorySnapshots, history
from reelmend.core_model.engine import U8
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.generator import InpaintGenerator, LocalFrames
from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.propainter.engine import ProPainterEngine
from tests.released import shared
from tests.standin.card_tensor import CARD
from tests.standin.executed import functions_that_run, modules_with_tensors
from tests.standin.fake_cuda import Card, card, on_card
from tests.standin.fake_graphs import fake_graphs
from tests.standin.grouping import group_as_on_a_gpu
from tests.standin.record import Event, Kind
from tests.standin.shots import (
    OPTIONS,
    clip,
    exiting_shot,
    networks_on,
    restored_on_card,
    restored_on_cpu,
    with_execution,
)

ELSEWHERE = {
    "bench/measure.py": "the benchmark itself; `tests/gpu` and `benchmarks/gpu.sh` run it",
    "bench/row.py": "likewise",
    "bench/rows.py": "likewise",
    "bench/run.py": "likewise",
    "bench/weights.py": "draws weights on the CPU",
    "checkpoint.py": "loads a file on the CPU, before the network is moved",
    "metrics.py": "measures finished clips on the CPU",
}
# fmt: off
NOT_THERE = {
    "device/memory.py": {f"DeviceMemory.{name}" for name in ("free", "used", "peak", "start_peak", "release")},
    "device/compilation.py": {"_Compiler.__init__", "_Compiler.__call__", "_compiled", "_first_line", "_hot_parts",
                              "_recurrent", "_try_out"},  # no compiler here makes code for a card
    "device/staging.py": {"Fetched.take", "Staging.send", "Staging.fetch", "PinnedStaging.pinned_bytes", "_Buffer.size"} |
                         {f"PlainStaging.{name}" for name in ("__init__", "send", "fetch")} | {"_Here.take"},
    "device/choice.py": {"_build"},  # words
    "device/gpu_load.py": {"GpuLoad.__init__"},  # once a process
    "propainter/restoration.py": {"_window_range"},  # words for a profiler
    "device/attention_kernels.py": {"_first_line", "_is_of", "_say_once"},  # words
    "device/precision.py": {"_cpu_has_bf16", "Execution.rounding", "_say_once"},  # asks the CPU; words
    "networks/deform.py": {"torchvision_kernel"},
    "networks/raft_encoder.py": {"FrozenBatchNorm.train", "_stage"},
    "networks/feature_propagation.py": {"_alignment", "_two_convs"},
    "networks/flow_recurrence.py": {"_alignment", "_backbone"},
    "networks/windows.py": {"rolled_outside"},
}
# fmt: on
"""Protocols, what builds a network before it is moved, and a kernel of another package (tests/gpu)."""


class Runs:
    """What came of all of it, run once for the tests below."""

    restored: U8
    events: list[Event]
    half: U8
    left_bytes: int
    faults: list[str]
    late: int
    checked: list[Checked]
    ran: dict[str, set[str]]


@pytest.fixture(scope="module")
def runs() -> Runs:
    found = Runs()
    with functions_that_run() as found.ran:
        with card() as gpu:
            found.restored = restored_on_card(gpu.stand_in)
            found.events = list(gpu.stand_in.record.events)
            found.left_bytes = gpu.memory.used
            found.faults, found.late = gpu.stand_in.streams.faults, gpu.stand_in.streams.late
        with card() as gpu:
            mixed = (("raft", "fp32"), ("encoder", "fp16"), ("transformer", "fp16"), ("decoder", "bf16"))
            found.half = restored_on_card(gpu.stand_in, with_execution(attention="math", components=mixed))
            assert peak_bytes() > 0
        with card() as gpu:
            other_ways(gpu)
        with card() as gpu:
            found.checked = doctor()
    return found


def doctor() -> list[Checked]:
    """What `reelmend doctor --gpu` says of the card, and the kinds of errors that it raises."""
    why_not.cache_clear()  # what it found out about this process
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    with pytest.raises(torch.OutOfMemoryError), one_out_of_memory():
        raise RuntimeError("CUDA error: out of memory")
    illegal = RuntimeError("CUDA error: an illegal memory access was encountered")
    fault = cuda_fault(illegal)
    assert fault is not None
    assert not fault.context_survives
    assert ending_fault(illegal) == (fault, illegal)
    assert context_fault() is None
    with LastOperator() as last:
        torch.zeros(2, device=CARD).add_(1)
    assert last.words.startswith("aten.add_.Tensor of float32[2] cuda:0")
    checked = list(check_device("cuda"))
    why_not.cache_clear()
    return checked


def other_ways(gpu: Card) -> None:
    """What a restorer does not call: flow that stops early, a window in one go, windows that exit, the warm-up."""
    raft, completion, generator = networks_on(gpu.stand_in)
    RaftFlow(lambda: raft, "", 2, OPTIONS.execution, stop_below=1e-3).estimate(clip()[0][:3])
    RaftFlow(lambda: raft, "", 2, OPTIONS.execution).warm((40, 32))
    with fake_graphs(gpu.stand_in):
        graphed(gpu)
        CudaMemory(CARD).release()
    seen(gpu)
    for networks, side in (([raft], 128), ([completion, generator], 16)):
        warm_up(networks, OPTIONS.execution, (side, side), frames=2)
    assert compile_hot_parts([generator], "auto", torch.device("cpu")).compiled == ()
    engine = ProPainterEngine(lambda: (completion, generator), "", replace(OPTIONS, early_exit=True))
    engine.warm(None)
    with torch.inference_mode():
        generator.complete(*window_on_card(), Rectangle(0, 8, 0, 8))
    restored = engine.restore(exiting_shot(), 0, 3)
    assert restored.windows is not None
    assert restored.windows.exited > 0


def graphed(gpu: Card) -> None:
    """The parts of which CUDA graphs are recorded: seen once, recorded, replayed."""
    raft, _, generator = networks_on(gpu.stand_in)
    graph_hot_parts([raft, generator])
    for _ in range(3):
        warm_up([raft], OPTIONS.execution, (128, 128), frames=2)
        warm_up([generator], OPTIONS.execution, (16, 16), frames=3)
    assert why_not_graphed() == []


def seen(gpu: Card) -> None:
    """What only looks at the card: its load, and its memory when that runs out."""
    snapshots = MemorySnapshots()
    snapshots.watch(CARD)
    gpu.memory.refuse = lambda size: True
    with pytest.raises(torch.OutOfMemoryError), history():
        torch.zeros(8, device=CARD)
    gpu.memory.refuse = lambda size: False
    load = MeanLoad()
    load.read()
    assert (len(snapshots.take()), load.value, reserved_bytes()) == (1, None, gpu.memory.used)


def window_on_card() -> tuple[LocalFrames, torch.Tensor]:
    """Two frames of 96x96 with a hole in a corner, none of which the rest of the grid of tokens depends on."""
    masks = torch.zeros(1, 2, 1, 96, 96, dtype=torch.bool, device=CARD)
    masks[..., :8, :8] = True
    flow = torch.zeros(1, 1, 2, 24, 24, device=CARD)
    features = torch.zeros(1, 2, 128, 24, 24, device=CARD)
    return LocalFrames(features, masks, masks, flow, flow), torch.zeros(1, 0, 8, 8, 512, device=CARD)


def test_a_clip_is_restored_as_on_a_cpu(runs: Runs) -> None:
    assert np.array_equal(runs.restored, restored_on_cpu())
    assert not np.array_equal(runs.restored, clip()[0])


def test_doctor_finds_the_card_as_good_as_a_cpu(runs: Runs) -> None:
    said = {checked.part: checked for checked in runs.checked}
    assert not said["torch"].good, "this build of torch has no CUDA"
    assert {"GPU", "capability", "memory", "product in fp32", "deformable convolution"} <= said.keys()
    assert [part for part, checked in said.items() if checked.needed and not checked.good] == ["torch"]


def test_nothing_of_it_stays_on_the_card(runs: Runs) -> None:
    assert runs.left_bytes == 0


def test_half_precision_is_computed_there_and_stays_near(runs: Runs) -> None:
    """On a CPU fp16 is refused: this is where its arithmetic runs. Grey levels, in the mean over the hole."""
    masks = clip()[1]
    away = np.abs(runs.half[masks].astype(int) - restored_on_cpu()[masks]).mean()
    assert 0 < away < 3


def test_every_function_that_touches_a_tensor_has_run_there(runs: Runs) -> None:
    missed = {}
    for module, functions in modules_with_tensors().items():
        if module in ELSEWHERE:
            continue
        built = {name for name in functions if module.startswith("networks/") and name.endswith("__init__")}
        left = functions - runs.ran.get(module, set()) - NOT_THERE.get(module, set()) - built
        if left:
            missed[module] = sorted(left)
    assert missed == {}, "run these on the card too, or say in NOT_THERE why they need not"


def test_what_is_said_to_run_elsewhere_exists() -> None:
    known = modules_with_tensors()
    assert ELSEWHERE.keys() <= known.keys()
    assert all(names <= known[module] for module, names in NOT_THERE.items())


def counted(events: list[Event], *places: str) -> dict[Kind, int]:
    """Waits and copies that these modules ask for."""
    kinds = [event.kind for event in events if event.place.startswith(places)]
    return {kind: kinds.count(kind) for kind in Kind if kind in kinds}


def test_a_batch_of_windows_costs_two_copies_there_one_back_and_one_wait(runs: Runs) -> None:
    """Masks and flow there, pictures back, and how many windows of tokens are masked."""
    batches = sum(event.place.endswith("_generate") and event.kind is Kind.TO_HOST for event in runs.events)
    hot = counted(runs.events, "propainter/restoration.py", "networks/windows.py", "networks/attention.py",
                  "networks/transformer", "networks/region", "networks/generator", "networks/decoder",
                  "networks/deform", "networks/feature_propagation", "networks/tokens", "networks/layers")  # fmt: skip
    assert batches > 1
    assert hot == {Kind.TO_CARD: 2 * batches, Kind.TO_HOST: batches, Kind.WAIT: batches}


def test_the_hot_loop_waits_for_none_of_its_copies(runs: Runs) -> None:
    """They go through pinned buffers, on streams of their own, in an order that the stand-in checks."""
    copies = [e for e in runs.events if e.place.startswith("propainter/") and e.kind is not Kind.WAIT]
    assert [event for event in copies if event.waits] == []
    assert runs.late == len(copies) > 0
    assert runs.faults == []


def test_each_frame_is_sent_once_to_be_encoded(runs: Runs) -> None:
    assert counted(runs.events, "propainter/feature_cache.py") == {Kind.TO_CARD: len(clip()[0])}


def test_flow_costs_a_copy_there_for_a_group_of_pairs_and_two_back_and_its_iterations_none(runs: Runs) -> None:
    """The clip's first frame is sent by itself."""
    assert counted(runs.events, "networks/raft", "networks/correlation", "flow/") == {Kind.TO_CARD: 2, Kind.TO_HOST: 2}


def test_a_sub_video_is_sent_and_brought_back_once_and_nothing_waits_in_between(runs: Runs) -> None:
    """For completing, three clips there and two back; for propagation, four and two. Each of two sub-videos."""
    places = "device/offload.py", "networks/flow_completion", "networks/flow_recurrence", "networks/image_propagation"
    assert counted(runs.events, *places) == {Kind.TO_CARD: 2 * (3 + 4), Kind.TO_HOST: 2 * (2 + 2)}


def test_nothing_else_is_copied_or_waited_for(runs: Runs) -> None:
    expected = ("propainter/", "networks/", "flow/", "device/")
    assert [event for event in runs.events if not event.place.startswith(expected)] == []


def test_an_old_card_computes_in_fp32_where_bf16_is_asked_for() -> None:
    x = torch.ones(1, 1, 2, 2)
    with card(capability=(7, 5)):
        for precision, dtype in (("bf16", torch.float32), ("fp16", torch.float16)):
            with with_execution(precision=precision).execution.reduced(CARD):
                assert torch.conv2d(x.to(CARD), x.to(CARD)).dtype == dtype


def test_a_window_in_one_go_is_as_on_a_cpu(gpu: Card) -> None:
    """The generator by itself, without an execution around it: 2 frames and a reference of 24x32, flow of 1 pixel."""
    draw = torch.Generator().manual_seed(0)
    frames, masks = torch.rand(1, 3, 3, 24, 32, generator=draw) * 2 - 1, torch.zeros(1, 3, 1, 24, 32)
    masks[..., 8:16, 8:20] = 1
    given = frames * (1 - masks), masks, masks, torch.ones(1, 1, 2, 24, 32), -torch.ones(1, 1, 2, 24, 32)
    there = on_card(gpu.stand_in, shared(InpaintGenerator))
    with torch.inference_mode():
        made = there(*(x.to(CARD) for x in given)).cpu()
        with pytest.MonkeyPatch.context() as patch:
            group_as_on_a_gpu(patch)
            assert torch.equal(made, shared(InpaintGenerator)(*given))
