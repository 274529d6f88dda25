"""What does a run do with a file that it was given? One function a reader, and the one kind of error that it may raise.

What is wrong with a video has to be an ItemError: any other is taken for the machine's fault, tried again, and ten of
them in a row stop a run.
"""

import glob
import json
import os
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reelmend.pipelines.config import InputConfig, JobConfig, LimitsConfig, MaskConfig, StitchConfig
from reelmend.pipelines.errors import ConfigError, ItemError, ReelmendError, StoreError
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.job.load import apply_overrides, dump_job, load_job
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.validate import LARGEST_DILATION_PX
from reelmend.pipelines.media.capabilities import verify_output
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.masks.reader import inspect_masks
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter
from reelmend.pipelines.stages.parts import Part
from reelmend.pipelines.storage.flow_cache.codec import cost_of, decode_flow
from reelmend.pipelines.utils.text import visible

GOOD = "a good one.mp4"
INFO = "info.json"
"""Beside a mask: what the probe found out about its video."""


def video(path: Path) -> None:
    glance_video(path)
    info = inspect_video(path)
    VideoInfo.from_dict(json.loads(json.dumps(info.to_dict())))
    for start in (0, info.frames // 2, info.frames - 1):
        for frame in read_frames(info, start, min(start + 2, info.frames)):
            to_rgb(frame, info)


def stitch(path: Path) -> None:
    """The frames as they are, and the file's own sound and text beside them."""
    info = inspect_video(path)
    output, settings = path.parent / "stitched.mp4", StitchConfig(speed="ultrafast")
    with VideoWriter(output, info, settings) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(output, info, settings)


def mask(path: Path) -> None:
    info = VideoInfo.from_dict(json.loads((path.parent / INFO).read_text()))
    inspect_masks(path, info, MaskConfig())


def look(path: Path) -> None:
    """As the driver looks at a mask before a run, grown by as many pixels as its bytes happen to say."""
    info = VideoInfo.from_dict(json.loads((path.parent / INFO).read_text()))
    dilation = zlib.crc32(path.read_bytes()) % (LARGEST_DILATION_PX + 1)
    job = JobConfig(out=str(path.parent / "out"), limits=LimitsConfig(look_s=15.0))
    Headers(job).mask_image(path, (info.width, info.height), MaskConfig(dilation=dilation), None)


def manifest(path: Path) -> None:
    discover(JobConfig(input=InputConfig(manifest=str(path)), out=str(path.parent / "out")))


def job_file(path: Path) -> None:
    dump_job(load_job(path))


def overrides(path: Path) -> None:
    """A line is a word of the command line, and an override of a manifest."""
    words = path.read_bytes().decode("utf-8", "replace").splitlines()
    apply_overrides(load_job(overrides=[word for word in words if not word.startswith("-")]), words)


def flow(path: Path) -> None:
    cost_of(path.read_bytes())
    decode_flow(path.read_bytes())


def part(path: Path) -> None:
    for patch in Part(path.read_bytes()):
        assert patch.rgb.shape[:2] == patch.mask.shape


def names(path: Path) -> None:
    """Names of files, a NUL between them: whatever a folder holds, its good videos are found, and all can be shown."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / GOOD).touch()
        for name in {piece[:240] for piece in path.read_bytes().split(b"\0")[:20] if b"/" not in piece}:
            with suppress(OSError):
                (folder / os.fsdecode(name + b".mp4")).touch()
        job = JobConfig(input=InputConfig(videos=[glob.escape(text)], masks="m.png"), out=str(folder / "out"))
        items = discover(job)
    assert [item.id for item in items if item.video.name == GOOD and not item.problem] == [Path(GOOD).stem]
    for item in items:
        shown = f"{item.problem} {item.id} {item.video}" if item.problem else visible(str(item.video))
        assert shown == visible(shown), item
        assert isinstance(item.output, Path), item
        assert item.output.parent.is_relative_to(folder / "out"), item
        assert str(item).encode(), item


READERS: dict[str, tuple[Callable[[Path], None], type[ReelmendError]]] = {
    "video": (video, ItemError),
    "stitch": (stitch, ItemError),
    "mask": (mask, ItemError),
    "look": (look, ItemError),
    "manifest": (manifest, ConfigError),
    "job_file": (job_file, ConfigError),
    "overrides": (overrides, ConfigError),
    "names": (names, ConfigError),
    "flow": (flow, StoreError),
    "part": (part, StoreError),
}
"""By name: what reads, and what it may raise."""
