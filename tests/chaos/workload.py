"""What does a campaign restore? Clips of a few frames in a bucket, some of which cannot be restored, and the truth."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import boto3
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import Codec, ExecutorName
from reelmend.pipelines.config import (
    FlowConfig,
    InputConfig,
    JobConfig,
    PlanConfig,
    RunConfig,
    S3Config,
    StitchConfig,
    StoreConfig,
)
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.clips import moving_box, scene, write_clip, write_mask_image

_SIZE, _FRAMES = (48, 32), 8
_LONG_EVERY, _BROKEN_EVERY = 20, 40
_LONG_RATE = Fraction(1, 6)
"""Few frames and much sound: an output that is uploaded in pieces, for the computing of a small one."""
_SOUND_RATE = 48_000
_PIECE_BYTES = 5 << 20


@dataclass(frozen=True)
class Truth:
    """What becomes of the items in a run that nothing disturbs."""

    outputs: dict[str, bytes]
    """By the output's name."""
    reasons: dict[str, str]
    """Of the items that are quarantined, by id, without places."""


def make_inputs(folder: Path, count: int) -> None:
    """Write videos that differ in every frame, their mask, and a manifest."""
    folder.mkdir(parents=True)
    write_mask_image(folder / "mask.png", moving_box(1, _SIZE, (8, 6))[0])
    rows = io.StringIO(newline="")
    writer = csv.writer(rows)
    writer.writerow(("video", "mask", "output"))
    for index in range(count):
        name = f"clip_{index:04d}.mkv"
        if index % _BROKEN_EVERY == _BROKEN_EVERY // 2:
            (folder / name).write_bytes(b"no video at all: " + name.encode())
        else:
            _write_video(folder / name, index, is_long=index % _LONG_EVERY == 3)
        writer.writerow((name, "mask.png", Path(name).stem))
    (folder / "items.csv").write_text(rows.getvalue())


def to_meddle_with(folder: Path) -> dict[str, bytes]:
    """Return the contents of videos that are whole and small, by name."""
    kept = {path.name: path.read_bytes() for path in folder.glob("clip_*.mkv") if path.stat().st_size < _PIECE_BYTES}
    return {name: content for name, content in kept.items() if not content.startswith(b"no video")}


def upload(folder: Path, bucket: str) -> None:
    client = boto3.client("s3")
    for path in folder.iterdir():
        client.upload_file(str(path), bucket, f"in/{path.name}")


def disturbed_job(bucket: str, cache: Path, out: str = "out") -> JobConfig:
    """Everything in the bucket, and a store that is given up quickly."""
    place = f"s3://{bucket}"
    job = replace(_job(f"{place}/in/items.csv", f"{place}/{out}"), store=StoreConfig(cache_dir=str(cache)))
    return replace(job, s3=S3Config(attempts=5, timeout_s=3.0, piece_bytes=_PIECE_BYTES))


def restore_undisturbed(folder: Path, out: Path) -> Truth:
    """Restore the same in this process, on the disk."""
    job = _job(str(folder / "items.csv"), str(out))
    job.run.executor = ExecutorName.inline
    run_job(job, SilentDisplay())
    rows = read_ledger(out / "_reelmend" / LEDGER)
    outputs = {path.name: path.read_bytes() for path in out.glob("*.mkv")}
    return Truth(outputs, {row.id: row.reason.replace(f"{folder}/", "") for row in rows if row.state.bad})


def _job(manifest: str, out: str) -> JobConfig:
    return JobConfig(
        name="chaos",
        out=out,
        input=InputConfig(manifest=manifest),
        flow=FlowConfig(segment_length=4),
        # Few looks: each run begins with them, and faults are wanted where the work is.
        plan=PlanConfig(shots=False, block_length=4, overlap=1, chunk_length=4, sample=4),
        stitch=StitchConfig(codec=Codec.ffv1),
        run=RunConfig(executor=ExecutorName.ray, attempts=3),
    )


def _write_video(path: Path, seed: int, *, is_long: bool) -> None:
    pictures = scene(_FRAMES, _SIZE, seed=seed)
    if not is_long:
        write_clip(path, codec="ffv1", audio=False, pictures=pictures)
        return
    silent = path.with_suffix(".silent.mkv")
    write_clip(silent, codec="ffv1", rate=_LONG_RATE, audio=False, pictures=pictures)
    seconds = int(_FRAMES / _LONG_RATE)
    noise = np.random.default_rng(seed).integers(-9000, 9000, (1, 2 * _SOUND_RATE * seconds), np.int16)
    with av.open(str(silent)) as source, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(source.streams.video[0])
        sound = output.add_stream("pcm_s16le", rate=_SOUND_RATE)
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for packet in packets:
            packet.stream = video
        for packet in sorted([*packets, *_sound(noise, sound)], key=_shown_at):
            output.mux(packet)
    silent.unlink()


def _shown_at(packet: "av.Packet[Any]") -> Fraction:
    assert packet.pts is not None
    return packet.pts * packet.time_base


def _sound(noise: NDArray[np.int16], stream: av.AudioStream) -> Iterator["av.Packet[Any]"]:
    step = 2 * _SOUND_RATE
    for start in range(0, noise.shape[1], step):
        frame = av.AudioFrame.from_ndarray(noise[:, start : start + step], "s16", "stereo")
        frame.rate, frame.pts, frame.time_base = _SOUND_RATE, start // 2, Fraction(1, _SOUND_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)
