"""One row, in its own process so that rows do not share memory.

    python -m benchmarks.compute_less.row < REQUEST

Reads case, row, frames, folder of weights, place of the result and whether operations alone are counted, as JSON;
writes what it took as JSON.
"""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.compute_less.cases import case_named
from benchmarks.compute_less.count import count_gflop
from reelmend import restore
from reelmend.core_model.device.peak_memory import peak_rss_mb

NETWORKS = ("raft", "flow_completion", "generator")
_COUNTED = {"propainter.attention": "math", "propainter.precision": "fp32"}
"""Fused attention is not counted, and reduced precision would hide what a switch costs."""


def main() -> None:
    request = json.load(sys.stdin)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    case = case_named(request["case"])
    (row,) = [row for row in case.rows if row.name == request["row"]]
    clip = case.clip(request["frames"])
    weights = {f"propainter.{name}": str(Path(request["weights"], f"{name}.pth")) for name in NETWORKS}
    networks = {} if row.engine == "propagation" else weights | _COUNTED
    settings = networks | {"mask.dilation": 0, "plan.shots": False} | {**case.settings, **row.settings}
    frames, masks = clip.hidden, clip.masks
    if request["count"]:
        gflop = count_gflop(lambda: restore(frames, masks, engine=row.engine, settings=settings))
        print(json.dumps({"gflop": gflop}))
        return
    began = time.process_time()
    with FlopCounterMode(display=False) as counter:
        restored = restore(frames, masks, engine=row.engine, settings=settings)
    cpu_s = time.process_time() - began
    np.save(request["save"], restored[masks])
    truth = clip.truth[masks]
    found = {
        "gflop": counter.get_total_flops() / 1e9,
        "cpu_s": cpu_s,
        "peak_mb": peak_rss_mb(),
        "truth_db": psnr(restored[masks], truth),
        "warping": _warping(restored, masks, clip.pan_px),
    }
    print(json.dumps(found))


def psnr(values: np.ndarray, reference: np.ndarray) -> float:
    """Return dB of 8-bit values, inf where they are equal."""
    mean_square = float(np.square(values.astype(np.float64) - reference).mean())
    return float(10 * np.log10(255**2 / mean_square)) if mean_square else float("inf")


def _warping(restored: np.ndarray, masks: np.ndarray, pan_px: int) -> float:
    """A frame shows at x what the one before shows at x + `pan_px`."""
    if len(restored) < 2:
        return 0.0
    now, before = restored[1:, :, :-pan_px].astype(np.float64), restored[:-1, :, pan_px:]
    return float(np.square(now - before)[masks[1:, :, :-pan_px]].mean())


if __name__ == "__main__":
    main()
