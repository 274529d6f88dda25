"""Every switch once, each alone, on clips small enough to run all of them."""

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.compute_less.case import Case, Clip, Row
from benchmarks.compute_less.clips import behind_box
from reelmend.pipelines.job.load import leaf_values, load_job

_SIZE, _BOX, _INNER_BOX = (192, 128), (32, 56, 16, 16), (40, 56, 16, 16)
"""The second one ends inside a tile of 32 pixels, as masks with dilation do: the grey that hides it must not count as detail."""
_AUTO_SIZE = {"process.max_side": "auto", "process.auto_least": 96}
_NOT_TRIED = ("propainter.raft", "propainter.flow_completion", "propainter.generator", "propainter.attention")
"""Of a preset: the weights are drawn, and attention is written out so that it is counted."""
_MIXED = {"raft": "bf16", "encoder": "fp32", "transformer": "bf16", "decoder": "fp32"}


def _on_twos(frames: int) -> Clip:
    once = behind_box(-(-frames // 2), _SIZE, _BOX)
    return replace(once, truth=np.repeat(once.truth, 2, 0)[:frames], masks=np.repeat(once.masks, 2, 0)[:frames])


def _soft(frames: int) -> Clip:
    clip = behind_box(frames, _SIZE, _INNER_BOX)
    return replace(clip, truth=np.stack([cv2.GaussianBlur(picture, (0, 0), 8) for picture in clip.truth]))


def _preset(name: str) -> Mapping[str, object]:
    """What a preset changes of the networks; sizes are the clip's own, which is smaller."""
    plain, chosen = leaf_values(load_job()), leaf_values(load_job(preset=name))
    own = {
        key: value
        for key, value in chosen.items()
        if key.startswith(("propainter.", "flow.")) and key not in _NOT_TRIED
    }
    return {key: value for key, value in own.items() if value != plain[key] or key == "propainter.precision"}


CASES = [
    Case(
        "every switch",
        "192x128, a pan of which every picture is shown twice, a box of 16x16; each row has one thing on",
        _on_twos,
        4,
        [
            Row("plain"),
            Row("region", {"process.region": "hole"}),
            Row("early exit", {"propainter.early_exit": True}),
            Row("RAFT stops below 0.1 px", {"propainter.raft_stop_below": 0.1}),
            Row("equal frames once", {"process.still_frames": "equal"}),
            Row("flow `dis`", {"flow.method": "dis"}),
            Row("bf16", {"propainter.precision": "bf16"}),
            Row("bf16, encoder and decoder fp32", {"propainter.precision": _MIXED}),
            *[
                Row(f"preset `{name}`", _preset(name))
                for name in ("propainter_fast", "propainter_best", "propainter_small_gpu")
            ],
            Row("engine `propagation`", engine="propagation"),
            Row("engine `auto`", engine="auto"),
            Row(
                "all that lose little",
                {"process.region": "hole", "process.still_frames": "equal", "flow.method": "dis"},
            ),
        ],
        settings={"process.region": "frame"},
    ),
    Case(
        "size by content",
        "192x128, a blurred pan, a box of 16x16",
        _soft,
        4,
        [
            Row("full size"),
            Row("auto", _AUTO_SIZE),
            Row("engine `propagation`, full size", engine="propagation"),
            Row("engine `propagation`, auto", _AUTO_SIZE, "propagation", "engine `propagation`, full size"),
        ],
        settings={"process.region": "frame"},
    ),
]
