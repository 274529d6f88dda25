"""As much at once as the device holds, and no more: on a simulated card, with the errors of torch's allocator."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.device.memory import full_device_named
from reelmend.core_model.device.memory_budget import DeviceRoom
from reelmend.core_model.device.memory_ladder import FEWER_PAIRS, FEWER_WINDOWS, STEPS
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.device.window_batch import MOST_WINDOWS, PATIENCE, WindowBatch
from reelmend.core_model.engine import U8, DeviceFull
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator, LocalFrames
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.networks.rectangle import Part, Rectangle
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restoration import Restoration
from tests.core_model.simulated_card import Card
from tests.released import shared, with_test_weights

CPU = torch.device("cpu")
FRAMES, MASKED = 13, slice(3, 11)
OPTIONS = RestoreOptions(neighbor_length=2, ref_stride=FRAMES)
WINDOWS = 10
"""A window a frame, of three frames; those that see a mask are all alike."""


class CardGenerator(InpaintGenerator):
    """Takes 10 bytes and 100 a window of a card while it completes; `batches` tells how many windows came at once."""

    card: Card
    batches: list[int]

    def compose(self, window: LocalFrames, reference_tokens_BRijC: torch.Tensor, region: Rectangle) -> Part:
        self.batches.append(len(window.features))
        with self.card.lend(10 + 100 * len(window.features)):
            return super().compose(window, reference_tokens_BRijC, region)


@pytest.fixture(scope="module")
def completion() -> FlowCompletion:
    return shared(FlowCompletion)


@pytest.fixture(scope="module")
def generator() -> CardGenerator:
    generator = deepcopy(shared(InpaintGenerator))
    generator.__class__ = CardGenerator
    assert isinstance(generator, CardGenerator)
    return generator


@pytest.fixture(scope="module")
def shot() -> ArrayShot:
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, 16, 24, 3), np.uint8)
    masks = np.zeros((FRAMES, 16, 24), bool)
    masks[MASKED, 4:10, 6:14] = True
    flow = np.full((FRAMES - 1, 2, 16, 24), 0.5, np.float16)
    return ArrayShot(frames, masks, flow, -flow)


@pytest.fixture
def restoration_on(shot: ArrayShot, completion: FlowCompletion, generator: CardGenerator) -> Callable[..., Restoration]:
    """Begin to restore the shot on a card; the generator's `batches` are then the numbers of windows tried at once."""

    def begin(card: Card, fixed: int = 0) -> Restoration:
        generator.card, generator.batches = card, []
        return Restoration(shot, completion, generator, OPTIONS, DeviceRoom(card, CPU, fixed))

    return begin


@pytest.fixture(scope="module")
def one_by_one(shot: ArrayShot, completion: FlowCompletion, generator: CardGenerator) -> U8:
    generator.card, generator.batches = Card(10**6), []
    room = DeviceRoom(generator.card, CPU, 1)
    restored = Restoration(shot, completion, generator, OPTIONS, room).restore(0, FRAMES).frames
    assert generator.batches == [1] * WINDOWS
    return restored


def alike(restored: U8, expected: U8) -> bool:
    return bool(np.abs(restored.astype(int) - expected).max() <= 1)


def test_windows_at_once_grow_to_what_fits_and_no_error_is_met(
    restoration_on: Callable[..., Restoration], generator: CardGenerator, one_by_one: U8
) -> None:
    """Room for three; one window alone is the first, whose 110 bytes are all that is known of the next batch."""
    restored = restoration_on(Card(400)).restore(0, 8).frames
    assert generator.batches == [1, 3, 3]
    assert alike(restored, one_by_one[:8])


def test_a_large_card_takes_no_more_than_what_pays(
    restoration_on: Callable[..., Restoration], generator: CardGenerator, one_by_one: U8
) -> None:
    restored = restoration_on(Card(10**9)).restore(0, FRAMES).frames
    assert generator.batches == [1, MOST_WINDOWS, WINDOWS - 1 - MOST_WINDOWS]
    assert alike(restored, one_by_one)


def test_a_batch_that_does_not_fit_is_halved_and_not_tried_again_soon(
    restoration_on: Callable[..., Restoration], generator: CardGenerator, one_by_one: U8
) -> None:
    """Four seem to fit, but most of what is free is in small pieces: what is left does for one."""
    card, steps = Card(500, lost=350), STEPS.by_rung[FEWER_WINDOWS]
    restoration = restoration_on(card)
    restored = restoration.restore(0, 7).frames
    assert generator.batches == [1, 4, 2, 1, 1, 1, 1, 1]
    assert STEPS.by_rung[FEWER_WINDOWS] == steps + 2
    assert alike(restored, one_by_one[:7])

    met, generator.batches = card.releases, []
    assert alike(restoration.restore(7, 9).frames, one_by_one[7:9])
    assert generator.batches == [1, 1], "the next piece of the shot knows it too"
    assert card.releases == met > 0


def test_a_fixed_number_of_windows_is_halved_too_when_it_does_not_fit(
    restoration_on: Callable[..., Restoration], generator: CardGenerator, one_by_one: U8
) -> None:
    restored = restoration_on(Card(330), fixed=4).restore(0, 7).frames
    assert generator.batches == [4, 2, 2, 2]
    assert alike(restored, one_by_one[:7])


def test_a_window_that_does_not_fit_alone_is_named_with_its_size_and_the_engine_can_go_on(
    shot: ArrayShot, completion: FlowCompletion, generator: CardGenerator
) -> None:
    generator.card, generator.batches = Card(100), []
    engine = ProPainterEngine(lambda: (completion, generator), "", OPTIONS)
    with pytest.raises(DeviceFull, match=r"a block of 13 frames of 24x16 does not fit .*: tried to allocate 110 bytes"):
        engine.restore(shot, 0, FRAMES)
    generator.card = Card(10**6)
    assert engine.restore(shot, 0, 2).frames.shape == (2, 16, 24, 3)


def test_two_measured_batches_tell_the_fixed_cost_from_that_of_a_window() -> None:
    card = Card(10_000)
    batch = WindowBatch(card)
    for windows in (1, 2):
        with batch.watch(windows), card.lend(1000 + 100 * windows):
            pass
    card.capacity = 1700  # 1530 of them count: 1000 and five windows
    assert batch.size == 5


def run_batches(batch: WindowBatch, card: Card, count: int) -> list[int]:
    """Compute so many batches of windows that take 100 bytes each, as a restoration does; return what was tried."""
    tried = []
    for _ in range(count):
        tried.append(batch.size)
        try:
            with batch.watch(tried[-1]), card.lend(100 * tried[-1]):
                pass
        except torch.OutOfMemoryError:
            batch.did_not_fit(tried[-1])
    return tried


def test_after_another_process_has_left_the_batch_grows_back_to_what_it_was() -> None:
    """8, then 4, 2 and 1 while 850 of 1000 bytes cannot be had; later the whole card is free again."""
    card = Card(1000, lost=850)
    batch = WindowBatch(card)
    assert run_batches(batch, card, 4) == [1, 8, 4, 2]
    card.lost = 0
    tried = run_batches(batch, card, 4 * PATIENCE)
    assert tried == [1] * PATIENCE + [2] * PATIENCE + [4] * PATIENCE + [8] * PATIENCE


def test_each_attempt_in_vain_doubles_the_wait_for_the_next() -> None:
    """Out of memory at 2 windows for good: what attempts cost vanishes, one in 32, 64, 128 batches."""
    card = Card(1000, lost=850)
    batch = WindowBatch(card)
    run_batches(batch, card, 4)
    tried = run_batches(batch, card, 7 * PATIENCE + 3)
    assert [n for n, windows in enumerate(tried) if windows == 2] == [
        PATIENCE,
        PATIENCE + 1 + 2 * PATIENCE,
        PATIENCE + 1 + 2 * PATIENCE + 1 + 4 * PATIENCE,
    ]
    assert set(tried) == {1, 2}


def test_a_growth_that_holds_makes_the_batch_patient_as_in_the_beginning() -> None:
    card = Card(1000, lost=850)
    batch = WindowBatch(card)
    run_batches(batch, card, 4 + PATIENCE + 1)  # one attempt in vain
    card.lost = 0
    tried = run_batches(batch, card, 5 * PATIENCE)
    assert tried == [1] * 2 * PATIENCE + [2] * 2 * PATIENCE + [4] * PATIENCE


def test_a_fixed_number_that_did_not_fit_is_reached_again_and_not_passed() -> None:
    card = Card(1000, lost=700)
    batch = WindowBatch(card, fixed=3)
    card.capacity = 900
    assert run_batches(batch, card, 2) == [3, 1]
    card.lost = 0
    assert max(run_batches(batch, card, 4 * PATIENCE)) == 3


def test_where_no_memory_can_be_asked_windows_come_one_at_a_time() -> None:
    batch = WindowBatch(None)
    with batch.watch(1):
        pass
    assert batch.size == 1


def test_a_processors_memory_can_be_full_too() -> None:
    with pytest.raises(DeviceFull, match=r"a clip does not fit .*1125899906842624 bytes"), full_device_named("a clip"):
        torch.empty(2**50, dtype=torch.uint8)
    with pytest.raises(DeviceFull, match=r"a clip does not fit .* Unable to allocate"), full_device_named("a clip"):
        np.empty(2**50, np.uint8)
    with pytest.raises(RuntimeError, match="shape mismatch"), full_device_named("a clip"):
        raise RuntimeError("shape mismatch")


class CardRaft(Raft):
    """Has the memory for two pairs of 128x128 frames at once, and for any number of larger ones."""

    tried: list[tuple[int, int]]

    def forward(
        self, frames_BT3HW: torch.Tensor, iterations: int = 20, pairs_at_once: int = 8
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.tried.append((frames_BT3HW.shape[-1], pairs_at_once))
        if frames_BT3HW.shape[-1] == 128 and pairs_at_once > 2:
            raise torch.OutOfMemoryError("tried to allocate more\nthan there is")
        return super().forward(frames_BT3HW, iterations, pairs_at_once)


def test_flow_takes_fewer_pairs_at_once_where_they_do_not_fit_and_remembers_it_for_that_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reelmend.core_model.flow.raft._MOST_PAIRS_CPU", 8)
    raft, frames = with_test_weights(CardRaft()), np.random.default_rng(0).integers(0, 256, (3, 40, 136, 3), np.uint8)
    raft.tried, steps = [], STEPS.by_rung[FEWER_PAIRS]
    flow, narrow = RaftFlow(lambda: raft, "", 1, Execution()), frames[:, :, :128]
    first, again = flow.estimate(narrow), flow.estimate(narrow)
    flow.estimate(frames)
    assert raft.tried == [(128, 8), (128, 4), (128, 2), (128, 2), (136, 8)]
    assert STEPS.by_rung[FEWER_PAIRS] == steps + 2
    plain = RaftFlow(lambda: shared(Raft), "", 1, Execution()).estimate(narrow)
    assert np.array_equal(first, again)
    assert np.allclose(first, plain, atol=1e-3)


def test_a_pair_of_frames_that_does_not_fit_is_named_with_its_size() -> None:
    class FullRaft(Raft):
        def forward(
            self, frames_BT3HW: torch.Tensor, iterations: int = 20, pairs_at_once: int = 8
        ) -> tuple[torch.Tensor, torch.Tensor]:
            raise torch.OutOfMemoryError(f"no room for {pairs_at_once}")

    flow = RaftFlow(lambda: with_test_weights(FullRaft()), "", 1, Execution())
    with pytest.raises(DeviceFull, match="a pair of 24x16 frames does not fit into the device's memory: no room for 1"):
        flow.estimate(np.zeros((3, 16, 24, 3), np.uint8))
