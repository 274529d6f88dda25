"""A sub-video that is larger than the card is restored all the same, from host memory: foreseen, or after an error."""

import numpy as np
import pytest
import torch

from reelmend.core_model.device.offload import Offload
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.image_propagation import propagate_images
from tests.core_model.simulated_card import Card
from tests.released import golden, with_test_weights

THERE = torch.device("meta")
"""Stands for the card: what is brought there holds no data, so the work below only counts."""
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


def clip(frames: int, side: int = 10) -> torch.Tensor:
    return torch.ones(1, frames, 1, side, side)


class Work:
    """Takes 8 bytes of a card for every pixel that lies there, and tells where each clip lay."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.lay: list[str] = []

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        self.lay.append("card" if x.is_meta else "host")
        if x.is_meta:
            with self.card.lend(8 * x.numel()):
                return (torch.full((1,), x.numel()),)
        return (torch.full((1,), x.numel()),)


def run(card: Card, *clips: torch.Tensor) -> list[str]:
    work, offload = Work(card), Offload(card, THERE)
    done = [offload.run(work, x)[0].item() for x in clips]
    assert done == [x.numel() for x in clips]
    return work.lay


def test_a_sub_video_that_fits_lies_on_the_card() -> None:
    assert run(Card(10_000), clip(2), clip(9), clip(11)) == ["card"] * 3


def test_what_a_short_one_took_says_that_a_long_one_does_not_fit_and_no_error_is_met() -> None:
    card = Card(10_000)  # 9 000 of them count: 11 frames of 800 bytes
    assert run(card, clip(2), clip(12), clip(11)) == ["card", "host", "card"]
    assert card.releases == 0


def test_what_a_small_picture_took_tells_of_a_larger_one() -> None:
    assert run(Card(10_000), clip(4, side=5), clip(4, side=20)) == ["card", "host"]


def test_one_that_did_not_fit_is_worked_on_in_host_memory_and_neither_it_nor_a_longer_one_is_tried_again() -> None:
    card = Card(10_000, lost=5_000)
    assert run(card, clip(8), clip(8), clip(9), clip(6)) == ["card", "host", "host", "host", "card"]
    assert card.releases == 1


def test_what_is_free_is_asked_each_time() -> None:
    card = Card(10_000)
    with card.lend(1):
        pass
    work, offload = Work(card), Offload(card, THERE)
    offload.run(work, clip(4))
    with card.lend(8_000):  # another network's
        offload.run(work, clip(4))
    offload.run(work, clip(4))
    assert work.lay == ["card", "host", "card"]


def test_an_error_that_is_not_of_memory_is_not_swallowed() -> None:
    def broken(_: torch.Tensor) -> tuple[torch.Tensor]:
        raise ValueError("flows do not fit")

    with pytest.raises(ValueError, match="flows do not fit"):
        Offload(Card(100), THERE).run(broken, clip(1))


@needs_gpu
def test_on_a_gpu_flow_is_completed_alike_from_host_memory_with_less_of_the_devices() -> None:
    case, completion = golden("flow_completion_64x96"), with_test_weights(FlowCompletion()).cuda()
    given = [torch.cat([case[name]] * 4, 1) for name in ("flow_forward", "flow_backward")]
    masks = torch.cat([case["masks"][:, :-1]] * 4 + [case["masks"][:, -1:]], 1)
    took = []
    done = []
    for place in ("cpu", "cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        with torch.inference_mode():
            done.append([x.cpu() for x in completion(*(x.to(place) for x in (*given, masks)))])
        took.append(torch.cuda.max_memory_allocated() - before)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-5) for a, b in zip(*done, strict=True))
    assert took[0] < took[1]


@needs_gpu
def test_on_a_gpu_images_are_propagated_alike_from_host_memory() -> None:
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 6, 3, 24, 32), generator=draw, dtype=torch.uint8)
    masks = torch.rand(1, 6, 1, 24, 32, generator=draw) > 0.7
    flow = torch.randn(1, 5, 2, 24, 32, generator=draw)
    device = torch.device("cuda")
    there = propagate_images(images.to(device), masks.to(device), flow.to(device), -flow.to(device))
    here = propagate_images(images, masks, flow, -flow, device)
    assert all(not x.is_cuda for x in here)
    assert all(np.array_equal(a.cpu(), b) for a, b in zip(there, here, strict=True))
