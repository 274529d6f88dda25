"""Copies through pinned buffers: right whatever happens late, ordered, and bounded.

The stand-in's streams copy as late as they may, so a buffer that is used too early shows as wrong numbers.
"""

from collections.abc import Callable

import pytest
import torch

from reelmend.core_model.device.staging import PinnedStaging, PlainStaging, staging_on
from tests.standin.card_tensor import CARD
from tests.standin.fake_cuda import Card
from tests.standin.fake_streams import Event, Stream, Unordered
from tests.standin.record import Kind


def numbers(value: float, count: int = 4) -> torch.Tensor:
    return torch.full((count,), value, dtype=torch.float32)


def sent_and_used(staging: PinnedStaging) -> list[float]:
    """What arrives of five tensors, each written over when it has been sent."""
    sent = []
    for value in range(5):
        given = numbers(value)
        sent.append(staging.send(given))
        given.fill_(-1)
    return [float((x + 0).cpu()[0]) for x in sent]


def fetched_late(staging: PinnedStaging) -> list[float]:
    """What arrives of five results, each dropped when its copy has begun, the first one taken last."""
    coming = [staging.fetch(numbers(value).to(CARD) + 1) for value in range(5)]
    return [float(fetched.take()[0]) for fetched in reversed(coming)]


def test_what_is_sent_may_be_written_over_at_once(gpu: Card) -> None:
    assert sent_and_used(PinnedStaging(CARD)) == [0, 1, 2, 3, 4]
    assert gpu.stand_in.streams.late == 5
    assert gpu.stand_in.streams.faults == []


def test_what_is_fetched_may_be_dropped_at_once_and_taken_in_any_order(gpu: Card) -> None:
    assert fetched_late(PinnedStaging(CARD)) == [5, 4, 3, 2, 1]
    assert gpu.stand_in.streams.late == 5
    assert gpu.stand_in.streams.faults == []


def test_the_host_waits_for_a_buffer_and_for_what_it_takes_and_for_no_copy(gpu: Card) -> None:
    staging, record, streams = PinnedStaging(CARD), gpu.stand_in.record, gpu.stand_in.streams
    staging.send(numbers(1)), staging.send(numbers(2))
    assert streams.waits == 0
    staging.send(numbers(3))  # into the buffer of the first one
    assert streams.waits == 1
    fetched = staging.fetch(numbers(4).to(CARD, non_blocking=True))
    assert streams.waits == 1
    fetched.take()
    assert streams.waits == 2
    copies = [event for event in record.events if event.kind is not Kind.WAIT]
    assert [event.waits for event in copies] == [False, False, False, True, False]  # the one without a buffer


def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "synchronize", lambda self: None)


def no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "wait_event", lambda self, event: None)
    monkeypatch.setattr(Stream, "wait_stream", lambda self, other: None)


@pytest.mark.parametrize("way", [sent_and_used, fetched_late])
def test_a_buffer_that_is_not_waited_for_gives_wrong_numbers(
    gpu: Card, monkeypatch: pytest.MonkeyPatch, way: Callable[[PinnedStaging], list[float]]
) -> None:
    staging = PinnedStaging(CARD)
    right = way(staging)
    no_wait(monkeypatch)
    assert way(staging) != right


@pytest.mark.parametrize("way", [sent_and_used, fetched_late])
def test_streams_that_are_not_ordered_are_refused(
    gpu: Card, monkeypatch: pytest.MonkeyPatch, way: Callable[[PinnedStaging], list[float]]
) -> None:
    no_order(monkeypatch)
    with pytest.raises(Unordered):
        way(PinnedStaging(CARD))


@pytest.mark.parametrize("way", [sent_and_used, fetched_late])
def test_memory_that_another_stream_uses_is_not_given_back_unsaid(
    gpu: Card, monkeypatch: pytest.MonkeyPatch, way: Callable[[PinnedStaging], list[float]]
) -> None:
    monkeypatch.setattr(gpu.stand_in.streams, "record_stream", lambda inside, stream: None)
    way(PinnedStaging(CARD))
    assert gpu.stand_in.streams.faults


def test_pinned_memory_is_bounded(gpu: Card) -> None:
    """Four buffers of 64 bytes at most: 16 numbers."""
    staging = PinnedStaging(CARD, most_bytes=64)
    for count in (1, 16, 17, 1000, 16, 3):
        assert torch.equal(staging.send(numbers(count, count)).cpu(), numbers(count, count))
        assert torch.equal(staging.fetch(numbers(count, count).to(CARD)).take(), numbers(count, count))
        assert staging.pinned_bytes <= 4 * 64
    assert staging.pinned_bytes == 4 * 64


def test_shapes_and_number_formats_are_kept(gpu: Card) -> None:
    staging = PinnedStaging(CARD)
    for x in (torch.arange(6, dtype=torch.uint8).view(2, 3), torch.ones(2, 2, dtype=torch.bool), torch.zeros(0, 3)):
        there = staging.send(x)
        assert (there.shape, there.dtype) == (x.shape, x.dtype)
        assert torch.equal(staging.fetch(there).take(), x)
    turned = staging.send(torch.arange(6.0).view(2, 3)).transpose(0, 1)
    assert torch.equal(staging.fetch(turned).take(), torch.tensor([[0.0, 3], [1, 4], [2, 5]]))


def test_a_cpu_copies_nothing() -> None:
    staging, x = staging_on(torch.device("cpu")), numbers(1)
    assert isinstance(staging, PlainStaging)
    assert staging.send(x) is x
    assert staging.fetch(x).take() is x
    assert not staging.overlaps
