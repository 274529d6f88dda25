"""Each rung of a GPU's memory ladder on the stand-in: torch's own error where it is likely, and a CPU's bytes after it."""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from reelmend.core_model.device.memory_ladder import FEWER_PAIRS, FEWER_WINDOWS, HOST_MEMORY, STEPS, Rung
from reelmend.core_model.engine import U8, DeviceFull
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from tests.released import shared
from tests.standin.fake_cuda import Card, on_card
from tests.standin.grouping import group_as_on_a_gpu
from tests.standin.shots import OPTIONS, clip, still_shot

FRAMES = 6
WINDOWS = replace(OPTIONS, neighbor_length=2, ref_stride=FRAMES, subvideo_length=80)
"""A window a frame; the four in the middle, of three frames each and no others, are alike."""


def full_inside(function: str, where: Callable[[dict[str, Any]], bool] = lambda names: True) -> Callable[[int], bool]:
    """The allocator refuses what is asked for inside this function of core_model, where its names are so."""

    def refuses(size: int) -> bool:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_qualname == function and where(frame.f_locals):
                return True
            frame = frame.f_back
        return False

    return refuses


def engine(gpu: Card, options: RestoreOptions) -> ProPainterEngine:
    networks = on_card(gpu.stand_in, shared(FlowCompletion)), on_card(gpu.stand_in, shared(InpaintGenerator))
    return ProPainterEngine(lambda: networks, "", options)


@pytest.fixture(scope="module")
def one_by_one() -> U8:
    """On a CPU, a window at a time."""
    with pytest.MonkeyPatch.context() as patch:
        group_as_on_a_gpu(patch)
        networks = shared(FlowCompletion), shared(InpaintGenerator)
        options = replace(WINDOWS, window_batch=1)
        return ProPainterEngine(lambda: networks, "", options).restore(still_shot(FRAMES), 0, FRAMES).frames


def steps(rung: Rung) -> int:
    return STEPS.by_rung[rung]


@pytest.mark.slow
def test_two_windows_that_do_not_fit_are_generated_one_by_one(gpu: Card, one_by_one: U8) -> None:
    gpu.memory.refuse = full_inside("Restoration._generate", lambda names: len(names["windows"]) > 1)
    taken, on_two = steps(FEWER_WINDOWS), engine(gpu, replace(WINDOWS, window_batch=2))
    assert np.array_equal(on_two.restore(still_shot(FRAMES), 0, FRAMES).frames, one_by_one)
    assert (steps(FEWER_WINDOWS) - taken, gpu.memory.emptied) == (1, 1)
    on_two.restore(still_shot(3), 0, 3)
    assert steps(FEWER_WINDOWS) - taken == 1, "frames of the same size: it is remembered"


@pytest.mark.parametrize("work", ["FlowCompletion.forward", "propagate_images"])
def test_a_sub_video_that_does_not_fit_is_worked_on_from_host_memory(gpu: Card, one_by_one: U8, work: str) -> None:
    """Whatever the allocator refuses while the sub-video is on the card: the first activation, or a propagated frame."""

    def whole_clip_there(names: dict[str, Any]) -> bool:
        clip: Tensor = names["flow_fwd"] if "flow_fwd" in names else names["images_BTCHW"]
        return clip.is_cuda

    gpu.memory.refuse = full_inside(work, whole_clip_there)
    taken = steps(HOST_MEMORY)
    restored = engine(gpu, replace(WINDOWS, window_batch=1)).restore(still_shot(FRAMES), 0, FRAMES).frames
    assert np.array_equal(restored, one_by_one)
    assert (steps(HOST_MEMORY) - taken, gpu.memory.emptied) == (1, 1)


def test_pairs_that_do_not_fit_are_measured_fewer_at_once(gpu: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 8 to 4 to 2, which fit; on a CPU in pairs of two from the start."""
    frames, taken = clip()[0][:4], steps(FEWER_PAIRS)
    raft = on_card(gpu.stand_in, shared(Raft))
    gpu.memory.refuse = full_inside("Raft.forward", lambda names: names["pairs_at_once"] > 2)
    found = RaftFlow(lambda: raft, "", 1, OPTIONS.execution).estimate(frames)
    assert (steps(FEWER_PAIRS) - taken, gpu.memory.emptied) == (2, 2)
    group_as_on_a_gpu(monkeypatch, pairs=2)
    expected = RaftFlow(lambda: shared(Raft), "", 1, OPTIONS.execution).estimate(frames)
    assert all(map(np.array_equal, found, expected))


def test_where_nothing_fits_the_block_is_named_and_the_card_is_as_empty_as_before(gpu: Card, one_by_one: U8) -> None:
    """What a driver does then, a smaller block or giving up, is the pipelines': tests/run/test_out_of_memory.py."""
    restorer = engine(gpu, WINDOWS)
    before = gpu.memory.used
    gpu.memory.refuse = full_inside("Restoration._generate")
    shot = still_shot(FRAMES)
    with pytest.raises(DeviceFull, match=r"a block of 6 frames of 24x16 does not fit .*: CUDA out of memory"):
        restorer.restore(shot, 0, FRAMES)
    gpu.memory.refuse = lambda size: False
    assert np.abs(restorer.restore(shot, 0, FRAMES).frames.astype(int) - one_by_one).max() <= 1
    still_shot.cache_clear()
    del shot
    assert gpu.memory.used == before
