"""What the memory model chooses on cards of 8, 24 and 80 GB, from what is known of the networks' needs.

Bytes per pixel of a frame as docs/architecture.md has them, measured on a CPU. Nine tenths of a card count.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reelmend.core_model.device.offload import Offload
from reelmend.core_model.device.window_batch import WindowBatch
from tests.core_model.simulated_card import Card

GB = 10**9
WINDOW, COMPLETION, PROPAGATION = 4400, 8100, 2900
SIZES = {"240p": (240, 432), "720p": (720, 1280), "1080p": (1080, 1920), "2160p": (2160, 3840)}
CHOSEN = {
    # windows of 0.46 GB; a sub-video's completion 0.84 GB, its propagation 0.30 GB
    ("240p", 8): (8, "card", "card"),
    ("240p", 24): (8, "card", "card"),
    ("240p", 80): (8, "card", "card"),
    # 4.06; 7.5, 2.7
    ("720p", 8): (1, "host", "card"),
    ("720p", 24): (5, "card", "card"),
    ("720p", 80): (8, "card", "card"),
    # 9.1; 16.8, 6.0
    ("1080p", 8): (0, "host", "card"),
    ("1080p", 24): (2, "card", "card"),
    ("1080p", 80): (7, "card", "card"),
    # 36.5; 67.2, 24.1
    ("2160p", 8): (0, "host", "host"),
    ("2160p", 24): (0, "host", "host"),
    ("2160p", 80): (1, "card", "card"),
}
"""Windows at once, after the first; where a sub-video is kept while its flow is completed, and while it is propagated.
0: not even one window fits, and the block is restored at a smaller size, or not at all."""


@pytest.mark.parametrize(("size", "gigabytes"), CHOSEN)
def test_windows_at_once_and_the_place_of_sub_videos_follow_from_the_card(size: str, gigabytes: int) -> None:
    card, (height, width) = Card(gigabytes * GB), SIZES[size]
    pixels = height * width
    found = (
        windows(card, WINDOW * pixels),
        place(card, height, width, COMPLETION),
        place(card, height, width, PROPAGATION),
    )
    assert found == CHOSEN[size, gigabytes]


def windows(card: Card, size: int) -> int:
    batch = WindowBatch(card)
    try:
        with batch.watch(batch.size), card.lend(size):
            pass
    except torch.OutOfMemoryError:
        return 0
    return batch.size


def place(card: Card, height: int, width: int, bytes_per_pixel: int) -> str:
    """Of the second sub-video: the first one is measured."""
    where: list[str] = []
    offload = Offload(card, torch.device("meta"))
    for _ in range(2):
        offload.run(_work(card, bytes_per_pixel * height * width, where), torch.empty(1, 1, 1, height, width))
    return where[-1]


def _work(card: Card, size: int, where: list[str]) -> Callable[[Tensor], tuple[Tensor]]:
    def work(clip: Tensor) -> tuple[Tensor]:
        where.append("card" if clip.is_meta else "host")
        if clip.is_meta:
            with card.lend(size):
                pass
        return (torch.zeros(1),)

    return work
