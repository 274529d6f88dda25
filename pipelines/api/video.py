"""Restoration of one video file from Python."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines import errors
from reelmend.pipelines.api.array_input import U8, Bool, MasksLike
from reelmend.pipelines.api.progress import ProgressCallback
from reelmend.pipelines.api.runs import load_job, run_quietly
from reelmend.pipelines.choices import Codec, Mode
from reelmend.pipelines.errors import ArrayError, ConfigError, MaskError, MediaError, ReelmendError, SetupError
from reelmend.pipelines.media.encoding import suffix_of
from reelmend.pipelines.media.masks.expression import is_expression
from reelmend.pipelines.run.selection import EVERYTHING
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.location import is_url

_NAME = "restored"
"""Of the output in the temporary folder."""
_CODEC_OF = {suffix_of(codec): codec for codec in (Codec.h264, Codec.ffv1, Codec.prores, Codec.png)}


@dataclass(frozen=True)
class VideoResult:
    """What is known of a video that `restore_video` wrote."""

    output: Path
    """The file, or the folder of images, that was written."""
    state: ItemState
    """restored, or untouched where nothing is masked: then the output is a copy of the source."""
    score: float | None
    """Quality score, 0..1: how sure the result is. None where nothing was restored."""
    review: str
    """Why somebody should look at the result; empty where nobody need."""
    notes: str
    """What to know about masks, repairs of the source, and what the output cannot hold; empty where nothing is odd."""
    frames: int
    seconds: float
    """Of the whole call, reading and encoding included."""
    facts: Mapping[str, str | int | float]
    """Figures of the ledger: digests, sizes, codec, quality in detail."""


def restore_video(
    video: str | Path,
    mask: str | Path | MasksLike | None,
    out: str | Path,
    *,
    engine: str = "propagation",
    fps: float | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    settings: Mapping[str, object] | None = None,
) -> VideoResult:
    """Restore one video file, with its audio, timestamps and colour tags, in this process.

    What is computed on the way is kept in a temporary folder beside the output and removed at the end. For many
    videos, or work that has to survive an interruption, use `run_job`.

    Args:
        video: Container file, or folder of images.
        mask: Image, folder of images or video, white where content is missing; or words such as "box:5%,80%,90%,15%"; or
            an array [H, W] or [T, H, W], bool or
            uint8. None only in outpainting.
        out: File to write; its suffix chooses the codec: .mp4 (H.264), .mkv (FFV1, lossless), .mov (ProRes), and none
            for a folder of PNG. `stitch.codec` in `settings` chooses another one with the same suffix.
        engine: Name of the engine.
        fps: Frames per second of a folder of images.
        overwrite: Whether a file at `out` may be replaced.
        progress: Function that is called with a `ProgressUpdate` a few times per second.
        settings: Settings by their key in a job file, such as {"mask.dilation": 8, "stitch.crf": 12}.

    Raises:
        ItemError: The video or the mask cannot be restored: MediaError, MaskError, OverLimit, MemoryShort, ...
        ConfigError: A setting, a path or the suffix of `out` is wrong.
        SetupError: This machine lacks something, or `out` cannot be written.
    """
    chosen = dict(settings or {})
    for key in ("engine", "out", "input.videos", "input.masks", "input.manifest"):
        if key in chosen:
            raise ConfigError(f"settings: {key} is an argument of restore_video")
    if is_url(str(out)):
        raise ConfigError(f"out: {out} is not a local path; run_job writes to buckets")
    target = Path(out).expanduser().absolute()
    chosen["stitch.codec"] = _codec(target, chosen.get("stitch.codec"))
    _check_target(target, overwrite=overwrite)
    source = _place(video)
    if isinstance(source, Path) and not source.exists():
        raise MediaError(f"video: {source} does not exist")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".reelmend-", dir=target.parent))
    except OSError as exc:
        raise SetupError(f"out: cannot write to {target.parent} ({exc.strerror}); choose another folder") from exc
    try:
        job = load_job(
            settings={
                **chosen,
                "name": target.name,
                "engine": engine,
                "out": str(folder / "out"),
                "run.executor": "inline",
            }
        )
        if mask is None and job.mode is not Mode.outpaint:
            raise MaskError(
                "mask: inpainting needs one; without a mask, settings={'mode': 'outpaint', ...} extends the frame"
            )
        row: dict[str, Any] = {"video": str(source), "output": _NAME, "fps": fps}
        row["mask"] = None if mask is None else str(_mask_file(mask, folder))
        manifest = folder / "manifest.jsonl"
        manifest.write_text(json.dumps({key: value for key, value in row.items() if value is not None}) + "\n")
        job = replace(job, input=replace(job.input, manifest=str(manifest)))
        outcome = run_quietly(job, progress, EVERYTHING)
        (done,) = outcome.rows
        if done.state.bad or not done.state.ended:
            raise _error_of(done, outcome.summary.halted, folder)
        output = _publish(Path(done.output), target, done, folder, overwrite=overwrite)
        return VideoResult(
            output=output,
            state=done.state,
            score=done.quality_score,
            review=done.review_reason,
            notes=done.reason.replace(str(folder / "out" / _NAME), str(output.with_suffix(""))),
            frames=done.frames,
            seconds=outcome.summary.seconds,
            facts={key: value for key, value in done.facts.items() if key not in ("output", "output_mark", "item_key")},
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _codec(target: Path, chosen: object) -> str:
    by_suffix = _CODEC_OF.get(target.suffix.lower())
    if by_suffix is None:
        known = ", ".join(f"{suffix or 'no suffix'} ({codec})" for suffix, codec in _CODEC_OF.items())
        raise ConfigError(f"out: no codec uses the suffix {target.suffix}; use {known}")
    if chosen is None:
        return by_suffix.value
    if str(chosen) in list(Codec) and suffix_of(Codec(str(chosen))) != target.suffix.lower():
        right = suffix_of(Codec(str(chosen))) or "a folder without suffix"
        raise ConfigError(f"out: {target.name} does not fit stitch.codec={chosen}, which is written as {right}")
    return str(chosen)


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise ConfigError(f"out: {target} exists; pass overwrite=True to replace it, or choose another name")
    if target.is_dir() and (target.suffix or any(entry.suffix != ".png" for entry in target.iterdir())):
        raise ConfigError(
            f"out: {target} is a folder with other files; pass the name of a file in it, or another folder"
        )


def _place(given: str | Path) -> str | Path:
    """Return a path as an absolute one, the address of an object as it is."""
    return str(given) if is_url(str(given)) else Path(given).expanduser().absolute()


def _mask_file(mask: str | Path | MasksLike, folder: Path) -> str | Path:
    """Return the path of the mask; an array is written to the folder, losslessly."""
    if isinstance(mask, str) and is_expression(mask):
        return mask
    if isinstance(mask, str | Path):
        place = _place(mask)
        if isinstance(place, Path) and not place.exists():
            raise MaskError(f"mask: {place} does not exist")
        return place
    array: NDArray[Any] = np.asarray(mask if hasattr(mask, "__array__") else list(mask))  # type: ignore[arg-type]
    wrong = f"mask: expected bool or uint8 [H, W] or [T, H, W], got {array.dtype} {[*array.shape]}"
    if array.dtype not in (np.bool_, np.uint8):
        raise ArrayError(f"{wrong}; convert with mask > 0.5, or mask != 0 for labels")
    if array.ndim not in (2, 3) or not array.size:
        raise ArrayError(f"{wrong}; pass a path if the mask is a file")
    if array.ndim == 2:
        return _write_png(folder / "mask.png", array)
    images = folder / "mask"
    images.mkdir()
    for index, values in enumerate(array):
        _write_png(images / f"{index:07}.png", values)
    return images


def _write_png(path: Path, values: U8 | Bool) -> Path:
    levels = np.asarray(values, np.uint8) * np.uint8(255 if values.dtype == np.bool_ else 1)
    path.write_bytes(cv2.imencode(".png", levels)[1].tobytes())
    return path


def _publish(made: Path, target: Path, row: ItemRow, folder: Path, *, overwrite: bool) -> Path:
    """Move what was made to its place, and return that: an untouched source keeps its own suffix."""
    if row.state is ItemState.UNTOUCHED:
        made = next((folder / "out").glob(f"{_NAME}*"))
        target = target.with_suffix(made.suffix)
        if target.exists() and not overwrite:
            raise ConfigError(f"out: the mask is empty, so the source would be copied to {target}, which exists")
    try:
        if target.is_dir():
            target.replace(folder / "replaced")
        made.replace(target)
    except OSError as exc:
        raise SetupError(f"out: cannot write {target} ({exc.strerror})") from exc
    return target


def _error_of(row: ItemRow, halted: str, folder: Path) -> ReelmendError:
    """Return the error that quarantined the item, made it fail, or stopped the run."""
    kind = getattr(errors, row.kind, None)
    reason = (row.reason or halted).replace(f"{folder}/", "")
    return kind(reason) if isinstance(kind, type) and issubclass(kind, ReelmendError) else ReelmendError(reason)
