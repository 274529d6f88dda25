"""Groups of a GPU on a CPU: what is computed together there is computed together here, so that bytes can be compared."""

import sys
from collections.abc import Callable

import pytest
from torch import Tensor

from reelmend.core_model.networks import flow_completion, layers


def group_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch, pairs: int = 8) -> None:
    """Undo what is different on a CPU: one frame, one pair, one piece of flow at a time."""

    def all_at_once(per_frame: Callable[[Tensor], Tensor], frames: Tensor) -> Tensor:
        return per_frame(frames)

    one_by_one = layers.frame_by_frame
    for name, module in list(sys.modules.items()):
        if name.startswith("reelmend.core_model") and getattr(module, "frame_by_frame", None) is one_by_one:
            monkeypatch.setattr(module, "frame_by_frame", all_at_once)
    monkeypatch.setattr(flow_completion, "_PIECE_ON_CPU", flow_completion._PIECE)
    monkeypatch.setattr("reelmend.core_model.flow.raft._MOST_PAIRS_CPU", pairs)
