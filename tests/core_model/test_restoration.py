"""A shot restored in pieces, by one actor or by several, is the shot restored at once: byte by byte on a CPU."""

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8
from reelmend.core_model.metrics import psnr
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.image_propagation import propagate_images
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.prepared_shot import flow_tensor, images_tensor, masks_tensor
from tests.released import shared

FRAMES = 11
OPTIONS = RestoreOptions(neighbor_length=4, ref_stride=3, subvideo_length=6)

Networks = tuple[FlowCompletion, InpaintGenerator]


@pytest.fixture(scope="module")
def networks() -> Networks:
    return shared(FlowCompletion), shared(InpaintGenerator)


@pytest.fixture(scope="module")
def shot() -> ArrayShot:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 30, 3), np.uint8)
    texture = np.asarray(cv2.resize(noise, (75, 26), interpolation=cv2.INTER_CUBIC), np.uint8)
    frames = np.stack([texture[:24, 2 * t : 2 * t + 36] for t in range(FRAMES)])
    masks = np.zeros((FRAMES, 24, 36), bool)
    for t in range(FRAMES):
        masks[t, 6:15, 4 + t : 13 + t] = t % 9 != 4
    flow = rng.normal(0, 0.1, (FRAMES - 1, 2, 24, 36)).astype(np.float32)
    flow[:, 0] -= 2
    return ArrayShot(frames, masks, flow, -flow)


@pytest.fixture(scope="module")
def whole(networks: Networks, shot: ArrayShot) -> U8:
    return engine(networks).restore(shot, 0, FRAMES).frames


@pytest.fixture
def taken(networks: Networks) -> Iterator[Counter[str]]:
    """How many windows were generated, and how many sub-videos' flow completed, one by one."""
    counts: Counter[str] = Counter()
    hooks = [
        networks[1].transformers.register_forward_hook(lambda *_: counts.update(["windows"])),
        networks[0].register_forward_hook(lambda *_: counts.update(["completed"])),
    ]
    yield counts
    for hook in hooks:
        hook.remove()


def engine(networks: Networks, options: RestoreOptions = OPTIONS) -> ProPainterEngine:
    return ProPainterEngine(lambda: networks, "", options)


def needed(shot: ArrayShot, *pieces: tuple[int, int]) -> dict[str, int]:
    """What the schedule says that these pieces take, each begun anew."""
    schedule = OPTIONS.schedule(FRAMES)
    needs = [schedule.needs(*piece, lambda start, stop: bool(shot.masks(start, stop).any())) for piece in pieces]
    return {"windows": sum(len(n.windows) for n in needs), "completed": sum(len(n.completed) for n in needs)}


def test_pieces_by_one_actor_are_the_whole_and_take_no_window_twice(
    networks: Networks, shot: ArrayShot, whole: U8, taken: Counter[str]
) -> None:
    actor = engine(networks)
    pieces = [actor.restore(shot, *cut).frames for cut in pairwise((0, 3, 5, 9, 10, 11))]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert taken == needed(shot, (0, FRAMES))


def test_runs_that_overlap_are_continued_and_take_no_window_twice(
    networks: tuple[FlowCompletion, InpaintGenerator], shot: ArrayShot, whole: NDArray[Any], taken: Counter[Any]
) -> None:
    """As neighbouring blocks do that are faded into each other. A run that begins further back starts there."""
    actor, runs = engine(networks), [(0, 6), (4, 9), (8, FRAMES)]
    for start, stop in runs:
        restored = actor.restore(shot, start, stop)
        assert np.array_equal(restored.frames, whole[start:stop])
        assert len(restored.away) == stop - start
    assert taken == needed(shot, (0, FRAMES))
    assert np.array_equal(actor.restore(shot, 2, 5).frames, whole[2:5])


def test_pieces_by_several_actors_in_any_order_are_the_whole_and_take_what_the_schedule_says(
    networks: Networks, shot: ArrayShot, whole: U8, taken: Counter[str]
) -> None:
    """What each has computed before differs, what it returns does not."""
    first, second = engine(networks), engine(networks)
    assert np.array_equal(first.restore(shot, 4, 8).frames, whole[4:8])
    assert np.array_equal(second.restore(shot, 8, 11).frames, whole[8:])
    assert np.array_equal(second.restore(shot, 0, 4).frames, whole[:4])
    assert taken == needed(shot, (4, 8), (8, 11), (0, 4))


def test_in_bf16_the_picture_stays_close(networks: Networks, shot: ArrayShot, whole: U8) -> None:
    """On a processor without bf16 it is the same picture."""
    options = replace(OPTIONS, execution=Execution(precision="bf16"))
    reduced = engine(networks, options).restore(shot, 0, 3).frames
    assert psnr(reduced, whole[:3], shot.masks(0, 3)) > 35


def test_several_windows_at_once_are_the_same_picture_but_for_rounding(
    networks: Networks, shot: ArrayShot, whole: U8, taken: Counter[str]
) -> None:
    restored = engine(networks, replace(OPTIONS, window_batch=3)).restore(shot, 5, 8).frames
    assert taken["windows"] == needed(shot, (5, 8))["windows"] - 2, "three of them are one"
    assert (np.abs(restored.astype(int) - whole[5:8]) <= 1).mean() >= 0.9999


def test_what_is_skipped_where_nothing_is_masked_would_have_changed_nothing(
    networks: Networks, shot: ArrayShot
) -> None:
    """Flow completion and propagation of a sub-video without a mask: computed, they return what they were given."""
    forward, backward = (flow_tensor(flow, *shot.size) for flow in shot.flows(0, 5))
    images, nothing = images_tensor(shot.images(0, 6)), masks_tensor(np.zeros_like(shot.masks(0, 6)))
    with torch.inference_mode():
        completed = networks[0](forward, backward, nothing)
    assert all(torch.equal(*pair) for pair in zip(completed, (forward, backward), strict=True))
    propagated, missing = propagate_images(images, nothing, forward, backward)
    assert torch.equal(propagated, images)
    assert not missing.any()


@pytest.mark.slow
def test_shots_that_take_turns_share_nothing_and_none_starts_again(
    networks: tuple[FlowCompletion, InpaintGenerator], shot: ArrayShot, whole: NDArray[Any], taken: Counter[Any]
) -> None:
    """As the regions of a frame do, block by block."""
    alone, pieces = engine(networks), [(0, 6), (6, FRAMES)]
    for piece in pieces:
        alone.restore(shot, *piece)
    of_one = Counter(taken)
    taken.clear()
    other = replace(shot, pictures=255 - shot.pictures)
    both = engine(networks)
    found = [(both.restore(shot, *piece).frames, both.restore(other, *piece).frames) for piece in pieces]
    assert taken == {what: 2 * count for what, count in of_one.items()}
    first, second = (np.concatenate(frames) for frames in zip(*found, strict=True))
    assert np.array_equal(first, whole)
    assert np.array_equal(second, engine(networks).restore(other, 0, FRAMES).frames)


def test_an_engine_keeps_no_shot_that_its_caller_has_let_go_of(
    networks: tuple[FlowCompletion, InpaintGenerator], shot: ArrayShot
) -> None:
    own, keeper = replace(shot), engine(networks)
    there = weakref.ref(own)
    keeper.restore(own, 0, 2)
    del own
    assert there() is None
