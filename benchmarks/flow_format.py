"""Number formats for the cached flow: size, speed, and the effect of rounding on the picture.

    python -m benchmarks.flow_format --samples DIR [--frames 16] [--json FILE]

DIR holds `bmx-trees/` (JPEG frames). Flow is measured by dense inverse search at 432x240, as it is and eight times as
long (as on a larger or faster picture). The picture is that of the `propainter` engine, with weights drawn from the
parameters' names, inside a drifting disc; its PSNR is that against the picture from float32 flow. Exit status 1 when
the format of the flow cache is below 50 dB.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.engine import U8, Bool, Float
from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.metrics import psnr
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.pipelines.storage.flow_cache.codec import decode_flow, encode_flow

WIDTH, HEIGHT = 432, 240
STEPS_PER_PX = 64  # of the fixed-point formats; 512 pixels are the longest vector, but for the cache's
LEAST_DB = 50.0
REPEATS = 5  # the fastest one counts
BASELINE = "float32, zstd"
CACHED = "1/64 px, rows' differences, bytes apart, zstd (the cache's)"

Made = TypeVar("Made")
Encode = Callable[[Float], bytes]
Decode = Callable[[bytes, tuple[int, ...]], Float]


class Score(NamedTuple):
    size: float
    """Bytes over those of raw float32."""
    encode_mb_s: float
    """Megabytes of float32 a second of one core."""
    decode_mb_s: float
    psnr_db: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Number formats for cached flow.")
    parser.add_argument("--samples", type=Path, default=os.environ.get("REELMEND_SAMPLES"), help="folder of the clips")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--json", type=Path, help="write the figures into this file too")
    arguments = parser.parse_args()
    if arguments.samples is None:
        parser.error("name the folder of the sample clips: --samples DIR, or set REELMEND_SAMPLES")
    frames = _frames(Path(arguments.samples) / "bmx-trees", arguments.frames)
    masks = _drifting_disc(len(frames))
    measured = np.stack(DisFlow().estimate(frames))
    picture_of = _Pictures(frames, masks)
    scores: dict[int, dict[str, Score]] = {}
    for scale in (1, 8):
        flow = np.ascontiguousarray(measured * np.float32(scale))
        print(f"\nflow x{scale}: longest vector {np.abs(flow).max():.0f} px, median {np.median(np.abs(flow)):.2f} px\n")
        print("| format | size | encode | decode | picture, dB |\n|" + "---|" * 5)
        scores[scale] = {}
        for name, codec in FORMATS.items():
            score = scores[scale][name] = _score(flow, *codec, picture_of)
            print(f"| {name} | {score.size:.3f} | {_speeds(score, scores[scale][BASELINE])} | {score.psnr_db:.1f} |")
    if arguments.json:
        figures = {scale: {name: score._asdict() for name, score in rows.items()} for scale, rows in scores.items()}
        arguments.json.write_text(json.dumps(figures, indent=1))
    worst = min(rows[CACHED].psnr_db for rows in scores.values())
    print(f"\n{'PASS' if worst >= LEAST_DB else 'FAIL'}  {CACHED}: {worst:.1f} dB, at least {LEAST_DB:.0f}")
    return 0 if worst >= LEAST_DB else 1


def _speeds(score: Score, baseline: Score) -> str:
    """MB/s of one core, and in brackets the share of the baseline's."""
    both = (score.encode_mb_s, baseline.encode_mb_s), (score.decode_mb_s, baseline.decode_mb_s)
    return " | ".join(f"{speed:.0f} ({speed / other:.2f})" for speed, other in both)


def _frames(folder: Path, count: int) -> U8:
    return np.stack([_small_rgb(path) for path in sorted(folder.glob("*.jpg"))[:count]])


def _small_rgb(path: Path) -> U8:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)[..., ::-1]


def _drifting_disc(count: int) -> Bool:
    masks = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    for t, mask in enumerate(masks):
        cv2.circle(mask, (150 + 4 * t, 110 + 2 * t), 32, 1, -1)
    return masks > 0


class _Pictures:
    """Restores the clip with a given flow, once for each different one."""

    def __init__(self, frames: U8, masks: Bool) -> None:
        self._frames, self._masks = frames, masks
        networks = with_drawn_weights(FlowCompletion()), with_drawn_weights(InpaintGenerator())
        self._engine = ProPainterEngine(lambda: networks, "", RestoreOptions(subvideo_length=len(frames)))
        self._known: dict[bytes, U8] = {}

    def psnr(self, flow: Float, exact: Float) -> float:
        return psnr(self._restored(flow), self._restored(exact), self._masks)

    def _restored(self, flow: Float) -> U8:
        values = flow.astype(np.float32).tobytes()
        if values not in self._known:
            shot = ArrayShot(self._frames, self._masks, *flow)
            self._known[values] = self._engine.restore(shot, 0, len(self._frames)).frames
        return self._known[values]


def _score(flow: Float, encode: Encode, decode: Decode, picture_of: _Pictures) -> Score:
    blob, encode_s = _timed(lambda: encode(flow))
    decoded, decode_s = _timed(lambda: decode(blob, flow.shape))
    megabytes = flow.nbytes / 1e6
    return Score(len(blob) / flow.nbytes, megabytes / encode_s, megabytes / decode_s, picture_of.psnr(decoded, flow))


def _timed(work: Callable[[], Made]) -> tuple[Made, float]:
    seconds = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        made = work()
        seconds = min(seconds, time.process_time() - started)
    return made, seconds


def _zstd(array: NDArray[np.generic]) -> bytes:
    return bytes(pa.compress(array.tobytes(), codec="zstd", asbytes=True))


def _unzstd(blob: bytes, count: int, dtype: str) -> NDArray[Any]:
    size = count * np.dtype(dtype).itemsize
    return np.frombuffer(pa.decompress(blob, decompressed_size=size, codec="zstd"), dtype)


def _apart(words: NDArray[np.generic]) -> bytes:
    """Low bytes, then high bytes, compressed."""
    return _zstd(np.ascontiguousarray(words.view(np.uint8).reshape(-1, 2).T))


def _together(blob: bytes, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    planes = _unzstd(blob, 2 * int(np.prod(shape)), "u1").reshape(2, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(shape)


def _fixed(flow: Float) -> NDArray[np.int16]:
    return np.rint(flow * STEPS_PER_PX).clip(-(2**15), 2**15 - 1).astype("<i2")


def _floating(steps: NDArray[np.generic]) -> Float:
    return (steps.astype(np.float32) / np.float32(STEPS_PER_PX)).astype(np.float16)


FORMATS: dict[str, tuple[Encode, Decode]] = {
    "float32, zstd": (_zstd, lambda b, s: _unzstd(b, int(np.prod(s)), "<f4").reshape(s).copy()),
    "float32, raw": (lambda f: f.tobytes(), lambda b, s: np.frombuffer(b, "<f4").reshape(s).copy()),
    "float16, zstd": (
        lambda f: _zstd(f.astype("<f2")),
        lambda b, s: _unzstd(b, int(np.prod(s)), "<f2").reshape(s).copy(),
    ),
    "float16, bytes apart, zstd": (lambda f: _apart(f.astype("<f2")), lambda b, s: _together(b, s, "<f2")),
    "1/64 px, zstd": (
        lambda f: _zstd(_fixed(f)),
        lambda b, s: _floating(_unzstd(b, int(np.prod(s)), "<i2").reshape(s)),
    ),
    "1/64 px, bytes apart, zstd": (lambda f: _apart(_fixed(f)), lambda b, s: _floating(_together(b, s, "<i2"))),
    CACHED: (lambda f: encode_flow(*f), lambda b, s: decode_flow(b)),
}


if __name__ == "__main__":
    sys.exit(main())
