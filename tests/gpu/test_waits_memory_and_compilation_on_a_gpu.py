"""What a GPU alone can show of the hot loop: the host does not wait, memory is as promised, compiled parts are eager ones."""

import warnings
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch

from reelmend.core_model.bench.clip import made_clip
from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
from reelmend.core_model.device.cuda_graphs import why_not_graphed
from reelmend.core_model.device.memory import CudaMemory
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.device.staging import PinnedStaging
from reelmend.core_model.device.window_batch import WindowBatch
from reelmend.core_model.networks.generator import InpaintGenerator, LocalFrames
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.propainter.restorer import Restorer
from tests.gpu.cuda import CUDA, needs_cuda, networks_on_gpu
from tests.released import shared
from tests.standin.shots import with_execution

pytestmark = needs_cuda


def waits_in(work: Callable[[], object]) -> int:
    """Count what torch says the host waits for."""
    work()  # kernels are chosen and loaded when they first run
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in said)


@torch.inference_mode()
def test_rafts_iterations_never_wait() -> None:
    raft = deepcopy(shared(Raft)).to(CUDA)
    frames = torch.zeros(1, 2, 3, 128, 128, device=CUDA)
    assert waits_in(lambda: raft(frames, iterations=3)) == 0


def test_copies_through_pinned_buffers_are_right_and_waited_for_only_when_taken() -> None:
    staging, given = PinnedStaging(torch.device(CUDA)), [torch.full((1000, 1000), float(value)) for value in range(5)]
    arrived: list[float] = []

    def there_and_back() -> None:
        coming = [staging.fetch(staging.send(x) + 1) for x in given]
        arrived[:] = [float(fetched.take().mean()) for fetched in coming]

    assert waits_in(there_and_back) == 0
    assert arrived == [1, 2, 3, 4, 5]
    assert staging.pinned_bytes == 4 * 4_000_000


def windows(count: int, side: int) -> tuple[LocalFrames, torch.Tensor]:
    """So many windows of 3 frames and a reference, with a hole in the middle."""
    masks = torch.zeros(count, 3, 1, side, side, dtype=torch.bool)
    masks[..., side // 3 : side // 2, side // 3 : side // 2] = True
    masks = masks.to(CUDA)
    features = torch.zeros(count, 3, 128, side // 4, side // 4, device=CUDA)
    flow = torch.zeros(count, 2, 2, side // 4, side // 4, device=CUDA)
    cells = (side // 4 - 1) // 3 + 1
    return LocalFrames(features, masks, masks, flow, flow), torch.zeros(count, 1, cells, cells, 512, device=CUDA)


@torch.inference_mode()
def waits_of_windows(count: int, side: int) -> tuple[int, int]:
    """Of the whole picture, and of a corner, for which the last block has fewer windows of tokens to compute."""
    generator, window = deepcopy(shared(InpaintGenerator)).to(CUDA), windows(count, side)
    corner = Rectangle(0, 8, 0, 8)
    return waits_in(lambda: generator.complete(*window)), waits_in(lambda: generator.complete(*window, corner))


def test_a_batch_of_windows_waits_to_count_masked_windows_and_those_of_the_last_block_and_for_nothing_else() -> None:
    whole, corner = waits_of_windows(2, 192)
    assert whole <= 1
    assert corner <= 3


@torch.inference_mode()
def foretold_and_taken(side: int) -> tuple[float, int]:
    """Bytes of four windows of this size: what the memory model says after one and two, and what they take."""
    generator, memory = deepcopy(shared(InpaintGenerator)).to(CUDA), CudaMemory(CUDA)
    batch = WindowBatch(memory)
    with Execution().reduced(CUDA):
        for count in (1, 2):
            given = windows(count, side)
            with batch.watch(count):
                generator.complete(*given)
        given = windows(4, side)
        memory.start_peak()
        before = memory.used()
        generator.complete(*given)
    return batch._predicted(4), memory.peak() - before


def test_memory_of_four_windows_is_what_one_and_two_foretell() -> None:
    """Within a seventh: allocations are rounded up, and kernels may need another workspace."""
    foretold, taken = foretold_and_taken(192)
    assert taken == pytest.approx(foretold, rel=1 / 7)


def test_a_card_with_room_for_one_window_restores_the_clip_all_the_same() -> None:
    """torch itself limits the process to what two windows need less a tenth."""
    frames, masks = made_clip(7, (160, 128))
    networks = networks_on_gpu()
    restorer = Restorer(*networks, with_execution())
    expected = restorer(frames, masks)
    peak = torch.cuda.max_memory_reserved(CUDA)
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info(CUDA)[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, 0.9 * peak / total), CUDA)
    try:
        restored = Restorer(*networks, with_execution())(frames, masks)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, CUDA)
    assert np.abs(restored.astype(int) - expected).mean() < 0.1


def test_compiled_parts_are_the_eager_ones() -> None:
    frames, masks = made_clip(7, (160, 128))
    raft, completion, generator = networks_on_gpu()
    eager = Restorer(raft, completion, generator, with_execution())(frames, masks)
    outcome = compile_hot_parts([generator, completion], "on", CUDA)
    if not outcome.compiled:
        pytest.skip(outcome.reason)
    warm_up([generator, completion], Execution(), (128, 160))
    compiled = Restorer(raft, completion, generator, with_execution())(frames, masks)
    assert np.abs(compiled[masks].astype(int) - eager[masks]).mean() < 0.1


def test_graphs_are_the_eager_parts() -> None:
    compare_graphs_with_eager((160, 128))


def compare_graphs_with_eager(size: tuple[int, int]) -> None:
    """RAFT is asked three times: seen, recorded, replayed; the clip's frames and windows likewise."""
    frames, masks = made_clip(7, size)
    eager = Restorer(*networks_on_gpu(), with_execution())(frames, masks)
    restorer = Restorer(*networks_on_gpu(), with_execution(cuda_graphs=True))
    before = why_not_graphed()
    graphed = [restorer(frames, masks) for _ in range(3)]
    assert why_not_graphed() == before
    assert all(np.abs(found[masks].astype(int) - eager[masks]).mean() < 0.1 for found in graphed)
