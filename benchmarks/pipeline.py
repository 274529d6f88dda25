"""Speed of a whole run by stage, compared with the simplest program that could do the job.

    python -m benchmarks.pipeline [--frames 300] [--size 1280x720]

The baseline, in the same run on the same clip: decode, `cv2.inpaint` (Telea) on every frame, encode, one process. Both
write H.264 with the same settings.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.clips import write_box_mask, write_pan
from reelmend.pipelines.config import StitchConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        clip = write_pan(Path(folder, "clip.mp4"), frames=args.frames, size=(width, height))
        mask = write_box_mask(Path(folder, "mask.png"), size=(width, height), box=(width // 5, height // 6))
        baseline_s = _telea(clip, mask, Path(folder, "telea.mp4"))
        rows = [(f"per-frame Telea, {width}x{height}", baseline_s, "")]
        for executor in ("inline", "ray"):
            summary = _run(clip, mask, Path(folder, executor), executor)
            stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in summary["seconds_by_stage"].items())
            rows.append((f"reelmend, {executor}", summary["seconds"], stages))
    print(f"{os.cpu_count()} cores, {args.frames} frames\n")
    print("| what | seconds | frames/s | time / baseline | worker seconds by stage |\n|---|---|---|---|---|")
    for name, seconds, stages in rows:
        print(f"| {name} | {seconds:.1f} | {args.frames / seconds:.1f} | {seconds / baseline_s:.2f} | {stages} |")


def _telea(clip: Path, mask: Path, output: Path) -> float:
    drawn = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None
    hole = cv2.dilate(drawn, np.ones((9, 9), np.uint8))
    stitch = StitchConfig()
    began = time.monotonic()
    with av.open(str(clip)) as source, av.open(str(output), "w") as target:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        stream = target.add_stream("libx264", rate=video.average_rate, options=_x264(stitch))
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for frame in source.decode(video):
            filled = cv2.inpaint(frame.to_ndarray(format="bgr24"), hole, 3, cv2.INPAINT_TELEA)
            shown = av.VideoFrame.from_ndarray(np.asarray(filled, np.uint8), format="bgr24")
            target.mux(stream.encode(shown))
        target.mux(stream.encode())
    return time.monotonic() - began


def _x264(stitch: StitchConfig) -> dict[str, str]:
    return {"crf": str(stitch.crf), "preset": stitch.speed}


def _run(clip: Path, mask: Path, out: Path, executor: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", "--videos", str(clip), "--masks", str(mask)]
    command += ["--out", str(out), "--json", f"run.executor={executor}"]
    summary: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return summary


if __name__ == "__main__":
    main()
