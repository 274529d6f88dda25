"""An older revision's engine: reads lines `IN.npz TAB OUT.npy`, answers with what each took; python -P ... TREE.

It works as that revision did: flow of the whole frame at no more than 640 pixels, engine on the whole frame.
"""

import json
import sys
import time
from pathlib import Path

import core_model.fill_clip
import cv2
import numpy as np
from core_model.dis_flow import DisFlow
from core_model.fill_clip import fill_clip

_FLOW_SIDE = 640


def main() -> None:
    home = Path(core_model.fill_clip.__file__)
    if not home.is_relative_to(Path(sys.argv[1]).resolve()):
        raise SystemExit(f"{home} is not the revision that was asked for")
    for line in sys.stdin:
        given, done = line.rstrip("\n").split("\t")
        clip = np.load(given)
        frames, masks = clip["frames"], clip["masks"]
        began, began_cpu = time.perf_counter(), time.process_time()
        restored = fill_clip(frames, masks, *_flow(frames))
        took = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - began_cpu}
        np.save(done, getattr(restored, "frames", restored))
        print(json.dumps(took), flush=True)


def _flow(frames: "np.ndarray") -> "list[np.ndarray]":
    height, width = frames.shape[1:3]
    longest = max(height, width)
    if longest > _FLOW_SIDE:
        size = (round(width * _FLOW_SIDE / longest), round(height * _FLOW_SIDE / longest))
        frames = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    return [flow.astype(np.float16) for flow in DisFlow().estimate(frames)]


if __name__ == "__main__":
    main()
