"""A clip of seven small frames whose hole moves, restored by a whole Restorer: on a CPU, and on the stand-in."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.bench.clip import made_clip
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restorer import Restorer
from tests.released import shared_networks
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


def with_execution(**switches: object) -> RestoreOptions:
    return replace(OPTIONS, execution=replace(OPTIONS.execution, **switches))


def restored_on_card(card: StandIn, options: RestoreOptions = OPTIONS) -> U8:
    return Restorer(*(on_card(card, network) for network in shared_networks()), options)(*clip())


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
