"""Savings and costs of stopping early: windows of the generator, the rim of what they keep, iterations of RAFT.

    python -m benchmarks.early_exit [--frames 24] [--size 96x64]

Networks have drawn weights, except that the flow completion says of every hole that nothing moves there: drawn flow
agrees with itself nowhere, so that nothing could exit. Exits 1 when early exit takes more than half of the operations
where everything was seen, or comes closer to the truth than 1 dB to what propagation brought as it is.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.metrics import psnr
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propagation.poisson import Edges, solve_poisson
from reelmend.core_model.propainter.early_exit import fit_to_rim
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions

MOST_OPERATIONS, LEAST_GAIN_DB = 0.5, 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", default="96x64", metavar="WxH")
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    torch.set_num_threads(1)
    share = _windows(args.frames, (height, width))
    gain_db = _rims()
    _iterations((max(height, 128), max(width, 128)))
    good = share <= MOST_OPERATIONS and gain_db >= LEAST_GAIN_DB
    print(f"\noperations, everything seen, early exit / plain: {share:.2f} (at most {MOST_OPERATIONS})")
    print(f"dB gained by fitting to the rim where light differs: {gain_db:.1f} (at least {LEAST_GAIN_DB})")
    print("PASS" if good else "FAIL")
    return 0 if good else 1


def _windows(frames: int, size: tuple[int, int]) -> float:
    """Print rows for a still scene whose hole moves all the time, or stands in the second half."""
    networks = _still_completion(), with_drawn_weights(InpaintGenerator())
    print("| clip | row | windows exited | GFLOP | / plain | CPU s | / plain | PSNR to the truth, seen frames |")
    print("|---|---|---|---|---|---|---|---|")
    shares = []
    for name, stops_at in (("all seen", frames), ("half seen", frames // 2)):
        shot, seen = _shot(frames, size, stops_at)
        plain: tuple[float, float] | None = None
        for row, early_exit in (("plain", False), ("early exit", True)):
            engine = ProPainterEngine(lambda: networks, "", replace(RestoreOptions(), early_exit=early_exit))
            began = time.process_time()
            with FlopCounterMode(display=False) as counter:
                restored = engine.restore(shot, 0, frames)
            took = counter.get_total_flops() / 1e9, time.process_time() - began
            plain = plain or took
            exited = "" if restored.windows is None else f"{restored.windows.exited} of {restored.windows.all}"
            quality = psnr(restored.frames[seen], shot.pictures[seen], shot.holes[seen])
            ratios = [took[n] / plain[n] for n in (0, 1)]
            print(
                f"| {name} | {row} | {exited} | {took[0]:.0f} | {ratios[0]:.2f} | {took[1]:.1f} | {ratios[1]:.2f} | "
                f"{quality:.1f} dB |",
                flush=True,
            )
        shares.append(ratios[0])
    return shares[0]


def _still_completion() -> FlowCompletion:
    completion = with_drawn_weights(FlowCompletion())
    last = completion.upsample[2].conv
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    last.weight.zero_()
    last.bias.zero_()
    return completion


def _shot(frames: int, size: tuple[int, int], stops_at: int) -> tuple[ArrayShot, slice]:
    """Return a still scene, and the frames that are in exited windows only. From `stops_at` on no flow leads back."""
    height, width = size
    masks = np.zeros((frames, height, width), np.bool_)
    side = height // 4
    for t in range(frames):
        left = (width - side) * min(t, stops_at) // frames
        masks[t, height // 3 : height // 3 + side, left : left + side] = True
    flow = np.zeros((frames - 1, 2, height, width), np.float32)
    flow[stops_at - 1 : stops_at] = 9
    pictures = np.repeat(_texture(height, width, 0)[None], frames, 0)
    reach = RestoreOptions().neighbor_length
    return ArrayShot(pictures, masks, flow, flow), slice(0, frames if stops_at == frames else stops_at - reach)


def _rims() -> float:
    """Print how close to the truth a filled hole is when its rim is fitted in several ways; return what that gains."""
    light: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
        "the same": lambda x: x,
        "12 levels brighter": lambda x: x + 12,
        "a ramp of -15 to 15": lambda x: x + np.linspace(-15, 15, x.shape[2]),
    }
    ways: dict[str, Callable[[U8, Bool], NDArray[np.floating]]] = {
        "as it is": lambda image, mask: image[:, mask].T.astype(np.float64),
        "no step across the rim": _without_step,
        "continued on both sides": fit_to_rim,
    }
    print("\n| light of what was propagated | " + " | ".join(ways) + " |\n|---|" + "---|" * len(ways))
    gains = []
    for name, change in light.items():
        values = [np.mean([_fitted_db(way, change, hole) for hole in range(3)]) for way in ways.values()]
        print(f"| {name} | " + " | ".join(f"{value:.1f} dB" for value in values) + " |", flush=True)
        gains.append(float(values[2] - values[0]))
    return gains[1]


def _fitted_db(
    way: Callable[[U8, Bool], NDArray[np.floating]],
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    hole: int,
) -> float:
    """PSNR inside a box of 24x24, of 60x8 or of 48x48, with a sensor's noise of 3 levels."""
    noise = np.random.default_rng(hole)
    scene = _texture(96, 128, hole).transpose(2, 0, 1)
    truth, other = (scene + noise.normal(0, 3, scene.shape) for _ in range(2))
    mask = np.zeros((96, 128), np.bool_)
    mask[(np.s_[36:60, 50:74], np.s_[40:48, 30:90], np.s_[24:72, 40:88])[hole]] = True
    image = np.where(mask, change(other), truth).clip(0, 255).round().astype(np.uint8)
    error = way(image, mask) - truth[:, mask].T
    return float(10 * np.log10(255**2 / np.square(error).mean()))


def _without_step(image_3HW: U8, mask_HW: Bool) -> NDArray[np.floating]:
    """What was tried first: neighbours across the rim are taken to be equal."""
    image = image_3HW.astype(np.float32)
    right, down = np.diff(image, axis=2), np.diff(image, axis=1)
    right[:, mask_HW[:, :-1] != mask_HW[:, 1:]] = 0
    down[:, mask_HW[:-1] != mask_HW[1:]] = 0
    weights = [
        ((first & second) + np.float32(0.3) * (first != second)).astype(np.float32)
        for first, second in ((mask_HW[:, :-1], mask_HW[:, 1:]), (mask_HW[:-1], mask_HW[1:]))
    ]
    fitted = solve_poisson(image, mask_HW, Edges(right, down), Edges(*weights), np.float32(0.001) * mask_HW)
    return fitted[:, mask_HW].T


def _iterations(size: tuple[int, int]) -> None:
    """Print how many iterations bounds leave, and how far flow is then from that of 20."""
    raft = with_drawn_weights(Raft())
    scene = _texture(size[0], size[1] + 8, 3)
    clip = np.stack([scene[:, shift : shift + size[1]] for shift in (0, 2, 5)])
    whole, _ = RaftFlow(lambda: raft, "", 20, RestoreOptions().execution).estimate(clip)
    print("\n| RAFT stops below, px | GFLOP / of 20 iterations | mean distance from the flow of 20 iterations, px |")
    print("|---|---|---|")
    full = 0
    for bound in (0.0, 0.1, 0.2):
        with FlopCounterMode(display=False) as counter:
            flow, _ = RaftFlow(lambda: raft, "", 20, RestoreOptions().execution, bound).estimate(clip)
        full = full or counter.get_total_flops()
        distance = float(np.hypot(*(flow - whole).transpose(1, 0, 2, 3)).mean())
        print(f"| {bound:g} | {counter.get_total_flops() / full:.2f} | {distance:.3f} |", flush=True)


def _texture(height: int, width: int, seed: int) -> U8:
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    smooth = np.sum([cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.5, 4, 12)], axis=0)
    spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.asarray(np.rint(spread * 200 + 20), np.uint8)


if __name__ == "__main__":
    raise SystemExit(main())
