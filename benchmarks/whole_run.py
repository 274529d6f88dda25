"""Processor time of a whole run, relative to decoding and encoding the same clip.

    python -m benchmarks.whole_run [--frames 120] [--scene still] [--repeats 3]

A clip of 1280x720 (H.264, texture and noise, a camera that stands still or pans) with a static logo of 160x90, through
`reelmend run` with its defaults and the inline executor. Baseline, in the same run: a process that decodes the clip
and encodes it as the stitch does, and nothing else. Both count user and system seconds of the process and its
children; the best of three after a warm-up. Exit status 1 when a run takes more than 2.5 times the baseline.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.clips import write_box_mask
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.encoder_options import encoder_options
from reelmend.pipelines.media.encoding import encoder_name
from reelmend.pipelines.media.inspection import inspect_video

SIZE, LOGO, RATE = (1280, 720), (160, 90), 25
RATIO_MOST = 2.5
_STITCH_THREADS = 2  # those of `pipelines/media/encoding.py`
_NOISE = 2.0  # grey levels
_SEED = 4

_RECODE = """
import json, sys
import av
source, target, encoder, options, threads = sys.argv[1:]
with av.open(source) as clip, av.open(target, "w") as output:
    video = clip.streams.video[0]
    video.thread_type = "AUTO"
    stream = output.add_stream(encoder, rate=video.average_rate, options=json.loads(options))
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, video.pix_fmt
    stream.codec_context.thread_count = int(threads)
    for frame in clip.decode(video):
        output.mux(stream.encode(frame))
    output.mux(stream.encode())
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_run", description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--scene", choices=["still", "pan"], default="still", help="what the camera does")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is timed; the best counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = _write_clip(Path(folder, "clip.mp4"), arguments.frames, pans=arguments.scene == "pan")
        mask = write_box_mask(Path(folder, "mask.png"), size=SIZE, box=LOGO)
        runs, recodes, starts = [], [], []
        for turn in range(arguments.repeats + 1):  # the first one warms up; they take turns
            recodes.append(_recode(clip, Path(folder, f"recoded-{turn}.mp4")))
            runs.append(_run(clip, mask, Path(folder, f"out-{turn}")))
            starts.append(_cpu_seconds([sys.executable, "-m", "reelmend.pipelines.cli", "run", "--help"])[0])
        baseline, start = min(recodes[1:]), min(starts[1:])
        seconds, summary = min(runs[1:], key=lambda run: run[0])
    print(f"{arguments.frames} frames of {SIZE[0]}x{SIZE[1]}, {arguments.scene}\n")
    print("| what | CPU seconds | / decode and encode |\n|---|---|---|")
    print(f"| decode and encode | {baseline:.2f} | 1.00 |")
    print(f"| reelmend run, inline | {seconds:.2f} | {seconds / baseline:.2f} |")
    print(f"| of which starting the command (`run --help`) | {start:.2f} | {start / baseline:.2f} |")
    for stage, wall in summary["seconds_by_stage"].items():
        print(f"| {stage} (seconds by the clock) | {wall:.2f} | |")
    good = seconds / baseline <= RATIO_MOST
    print(f"\n{'PASS' if good else 'FAIL'}  run / decode and encode: {seconds / baseline:.2f}, at most {RATIO_MOST}")
    return 0 if good else 1


def _run(clip: Path, mask: Path, out: Path) -> tuple[float, dict[str, Any]]:
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", "--videos", str(clip), "--masks", str(mask)]
    seconds, said = _cpu_seconds([*command, "--out", str(out), "--json", "run.executor=inline"])
    return seconds, json.loads(said)


def _recode(clip: Path, target: Path) -> float:
    stitch = StitchConfig()
    options = encoder_options(stitch, inspect_video(clip), "yuv420p")
    words = [str(clip), str(target), encoder_name(stitch.codec), json.dumps(options)]
    return _cpu_seconds([sys.executable, "-c", _RECODE, *words, str(_STITCH_THREADS)])[0]


def _cpu_seconds(command: list[str]) -> tuple[float, str]:
    """Return user and system seconds of a process and its children, and what it wrote to stdout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:5])} ... ended with {done.returncode}:\n{done.stderr}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def _write_clip(path: Path, frames: int, *, pans: bool) -> Path:
    """A texture that has coarse and fine parts, and a sensor's noise, which no codec predicts."""
    width, height = SIZE
    rng = np.random.default_rng(_SEED)
    world = np.full((height, 2 * width, 3), 128, np.float32)
    for cell, strength in ((64, 40), (16, 20), (4, 10)):
        coarse = rng.normal(0, strength, (height // cell + 2, 2 * width // cell + 2, 3)).astype(np.float32)
        world += cv2.resize(coarse, (2 * width, height), interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, _NOISE, (height + 64, width + 64, 3)).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            left = min(4 * index, width) if pans else width // 2
            down, along = rng.integers(0, 64, 2)
            picture = world[:, left : left + width] + noise[down : down + height, along : along + width]
            frame = av.VideoFrame.from_ndarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    sys.exit(main())
