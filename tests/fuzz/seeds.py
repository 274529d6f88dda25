"""Which good files is everything hostile made from? Small ones of every kind that is read."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reelmend.core_model.quality import FrameQuality
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.stages.parts import cut_patch, encode_part
from reelmend.pipelines.storage.flow_cache.codec import encode_flow
from tests.clips import moving_box, scene, write_clip, write_mask_image, write_mask_video
from tests.fuzz.damage import csv_text, job_text, jsonl_text, mutated, names, override_text, parquet_bytes
from tests.fuzz.readers import INFO

_SIZE = (48, 32)
_FRAMES = 8
_CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "silent.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "audio": False},
    "text.mkv": {"codec": "ffv1", "subtitle": "subrip"},
    "mpeg4.avi": {"codec": "mpeg4", "audio": False},
    "h264.ts": {"audio": False},
    "mpeg2.mpg": {"codec": "mpeg2video", "audio": False},
    "flv1.flv": {"codec": "flv", "audio": False},
    "mjpeg.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "audio": False},
    "plain.y4m": {"codec": "wrapped_avframe", "audio": False},
    "vp9.webm": {"codec": "libvpx-vp9", "audio": False},
}
_WITH_OTHERS = ("h264.mp4", "text.mkv")
"""Clips with sound or text beside the pictures."""
_QUALITY = FrameQuality(120, 100, 300, 2.5, 1.1)
_IMAGES = ("a.png", "a.jpg", "a.bmp", "a.tiff", "a.webp")


@dataclass(frozen=True)
class Seed:
    """What one reader is given, made again and again."""

    reader: str
    name: str
    make: Callable[[random.Random], bytes]
    """Returns the bytes of a hostile file."""
    good: bytes | None = None
    """What it is made from, where it is."""


def all_seeds(folder: Path) -> list[Seed]:
    """Write the good files into `folder` and return what can be made of them."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*_media_seeds(folder), *_mask_seeds(folder), *_text_seeds(), *_artefact_seeds()]


def write(folder: Path, seed: Seed, rng: random.Random) -> Path:
    """Put a hostile file into `folder`, which `all_seeds` filled."""
    path = folder / f"hostile-{seed.name}"
    path.write_bytes(seed.make(rng))
    return path


def _media_seeds(folder: Path) -> list[Seed]:
    seeds = []
    for name, clip in _CLIPS.items():
        path = write_clip(folder / name, frames=_FRAMES, size=_SIZE, **clip)
        seeds.append(_mutating("video", name, path.read_bytes()))
        if name in _WITH_OTHERS:
            seeds.append(_mutating("stitch", name, path.read_bytes()))
    for name in _IMAGES:
        path = write_mask_image(folder / name, scene(1, _SIZE)[0])
        seeds.append(_mutating("video", name, path.read_bytes()))
    return seeds


def _mask_seeds(folder: Path) -> list[Seed]:
    info = inspect_video(folder / "h264.mp4")
    (folder / INFO).write_text(json.dumps(replace(info, path=Path("a.mp4")).to_dict()))
    boxes = moving_box(_FRAMES, _SIZE, (12, 10))
    paths = [write_mask_image(folder / f"mask{Path(name).suffix}", boxes[0]) for name in _IMAGES]
    paths.append(write_mask_video(folder / "mask.mkv", boxes, codec="ffv1"))
    deep = folder / "deep.png"
    cv2.imwrite(str(deep), boxes[0].astype(np.uint16) * 65535)
    looked_at = [Seed("look", "large.png", _large_mask), _mutating("look", "mask.png", paths[0].read_bytes())]
    return [*(_mutating("mask", path.name, path.read_bytes()) for path in [*paths, deep]), *looked_at]


def _large_mask(rng: random.Random) -> bytes:
    """An image of up to 36 million pixels in some kilobytes, of the video's shape or of another."""
    width = rng.choice((48, 480, 4800, 6000))
    height = rng.choice((width * 2 // 3, width, 16))
    picture = np.zeros((height, width), np.uint8)
    for _ in range(rng.randrange(4)):
        top, left = rng.randrange(height), rng.randrange(width)
        picture[top : top + rng.randrange(1, height), left : left + rng.randrange(1, width)] = 255
    return bytes(cv2.imencode(".png", picture)[1])


def _text_seeds() -> list[Seed]:
    makers = {
        ("manifest", "m.jsonl"): jsonl_text,
        ("manifest", "m.csv"): csv_text,
        ("manifest", "m.parquet"): parquet_bytes,
        ("job_file", "job.yaml"): job_text,
        ("overrides", "words.txt"): override_text,
        ("names", "names.bin"): names,
    }
    made = [Seed(reader, name, make) for (reader, name), make in makers.items()]
    good = {
        ("manifest", "good.jsonl"): b'{"video": "a.mp4", "mask": "m.png", "overrides": {"mask.dilation": 2}}\n',
        ("manifest", "good.csv"): b"video,mask,output,frames\na.mp4,m.png,x/a,30\nb.mp4,m.png,,\n",
        ("manifest", "good.parquet"): _parquet([{"video": f"{n}.mp4", "mask": "m.png", "fps": 25.0} for n in range(9)]),
        ("job_file", "good.yaml"): dump_job(JobConfig()).encode(),
        ("overrides", "good.txt"): b"mask.dilation=2\nplan.block_length=20\nstitch.codec=ffv1\nstitch.speed=fast",
    }
    return [*made, *(_mutating(reader, name, text) for (reader, name), text in good.items())]


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


def _artefact_seeds() -> list[Seed]:
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 3, (2, 3, 2, 8, 12))
    box = moving_box(3, _SIZE, (12, 10))
    patches = [cut_patch(index, picture, box[index], _QUALITY) for index, picture in enumerate(scene(3, _SIZE))]
    part = encode_part([patch for patch in patches if patch is not None])
    return [_mutating("flow", "flow.bin", encode_flow(vectors[0], vectors[1])), _mutating("part", "part.arrow", part)]


def _mutating(reader: str, name: str, data: bytes) -> Seed:
    return Seed(reader, name, lambda rng: mutated(data, rng), data)
