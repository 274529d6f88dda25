"""A clip of seven small frames whose hole moves, restored by a whole Restorer: on a CPU, and on the stand-in."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.bench.clip import made_clip
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restorer import Restorer
from tests.released import Networks, shared_networks
from tests.standin.card_tensor import StandIn
from tests.standin.fake_cuda import on_card
from tests.standin.grouping import group_as_on_a_gpu

OPTIONS = RestoreOptions(
    neighbor_length=4,
    ref_stride=3,
    subvideo_length=4,
    raft_iterations=1,
    mask_dilation=0,
    window_batch=2,
    execution=Execution(compile="off"),
)
"""Two sub-videos, and three or more batches of two windows."""


@cache
def clip() -> tuple[U8, Bool]:
    return made_clip(7, (40, 32))


def with_execution(**switches: Any) -> RestoreOptions:
    return replace(OPTIONS, execution=replace(OPTIONS.execution, **switches))


def networks_on(card: StandIn) -> Networks:
    raft, completion, generator = shared_networks()
    return Networks(on_card(card, raft), on_card(card, completion), on_card(card, generator))


def restored_on_card(card: StandIn, options: RestoreOptions = OPTIONS) -> U8:
    return Restorer(*networks_on(card), options)(*clip())


@cache
def restored_on_cpu(options: RestoreOptions = OPTIONS) -> U8:
    """With a GPU's groups of frames, so that it is the same arithmetic."""
    with pytest.MonkeyPatch.context() as patch:
        group_as_on_a_gpu(patch)
        return Restorer(*shared_networks(), options)(*clip())


@cache
def exiting_shot() -> ArrayShot:
    """Three frames of which the middle one has a hole that both others show."""
    frames, masks = clip()[0][:3].copy(), np.zeros((3, 32, 40), bool)
    masks[1, 10:14, 10:14] = True
    flow = np.zeros((2, 2, 32, 40), np.float32)
    return ArrayShot(frames, masks, flow, flow)


@cache
def still_shot(frames: int = 2) -> ArrayShot:
    """Frames of 24x16 that show the same, each with a hole that moves by a pixel."""
    pictures = np.repeat(clip()[0][:1, :16, :24], frames, 0)
    masks = np.zeros((frames, 16, 24), bool)
    for t in range(frames):
        masks[t, 4:10, 6 + t : 14 + t] = True
    flow = np.zeros((frames - 1, 2, 16, 24), np.float32)
    return ArrayShot(pictures, masks, flow, flow)
