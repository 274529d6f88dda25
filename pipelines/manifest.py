"""Which videos, which masks, which outputs? From a manifest, or from globs and a mask rule.

Nothing is opened here but the manifest itself and folders: a video that cannot be read or a mask that is missing is the
probe's business (the item is quarantined), while two items with one output are refused before any work (ConfigError).
"""

import csv
import difflib
import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import JobConfig, Mode
from pipelines.errors import ConfigError
from pipelines.job import apply_overrides
from pipelines.mask_rule import MaskRule
from pipelines.media.encoding import suffix_of
from pipelines.media.kinds import is_image, is_video_file
from pipelines.tasks import Item

N = TypeVar("N", int, float)

COLUMNS = ("video", "mask", "output", "frames", "width", "height", "fps", "overrides")
_SHOWN = 8
"""Problems of a manifest that are printed; the rest are counted."""


def discover(job: JobConfig) -> list[Item]:
    """Return the job's items in a stable order. Raises ConfigError when there are none, or outputs collide."""
    if job.input.manifest and job.input.videos:
        raise ConfigError("both a manifest and videos are given: give one of --manifest and --videos")
    items = _from_manifest(Path(job.input.manifest), job) if job.input.manifest else _from_globs(job)
    _refuse_collisions(items)
    return items


# --- globs -----------------------------------------------------------------------------------------------------------


def _from_globs(job: JobConfig) -> list[Item]:
    if not job.input.videos:
        raise ConfigError("no input: give --videos 'in/*.mp4' --masks RULE, or --manifest FILE, or a job file")
    found: dict[Path, str] = {}
    for pattern in job.input.videos:
        matches = list(_expand(pattern))
        if not matches:
            raise ConfigError(f"no video matches {pattern!r} (containers and folders of images count)")
        found |= {path: name for path, name in matches if path not in found}
    masks = _masks_of(list(found), job)
    used_as_mask = {mask.resolve() for mask in masks.values() if mask is not None}
    return [
        Item(name, video, masks[video], _output(job, name))
        for video, name in sorted(found.items(), key=lambda pair: pair[1])
        if video.resolve() not in used_as_mask
    ]


def _masks_of(videos: Sequence[Path], job: JobConfig) -> dict[Path, Path | None]:
    """Outpainting without a rule takes the masks that lie beside their videos, and does without where there is none."""
    rule = MaskRule(job.input.masks, videos)
    optional = job.mode == Mode.outpaint and not job.input.masks
    masks = {video: rule.mask_of(video) for video in videos}
    return {video: None if optional and not mask.exists() else mask for video, mask in masks.items()}


def _expand(pattern: str) -> Iterator[tuple[Path, str]]:
    """Yield (video, name without suffix); the name keeps the folders below the pattern's fixed part."""
    if glob.has_magic(pattern):
        base = _fixed_part(pattern)
        for match in sorted(map(Path, glob.glob(pattern, recursive=True))):  # noqa: PTH207  # patterns may be absolute
            if is_video_file(match) or _holds_images(match):
                yield match, _name(match, base)
        return
    path = Path(pattern)
    if path.is_dir() and not _holds_images(path):
        yield from ((video, video.stem) for video in sorted(path.iterdir()) if is_video_file(video))
    elif path.is_dir():
        yield path, path.resolve().name
    elif path.exists():
        # A file named outright is taken at its word; the probe says so if it is no video.
        yield path, path.stem


def _fixed_part(pattern: str) -> Path:
    fixed: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _name(match: Path, base: Path) -> str:
    below = match.relative_to(base)
    return (below if match.is_dir() else below.with_suffix("")).as_posix()


def _holds_images(path: Path) -> bool:
    return path.is_dir() and any(is_image(entry) for entry in path.iterdir())


# --- manifest --------------------------------------------------------------------------------------------------------


def _from_manifest(path: Path, job: JobConfig) -> list[Item]:
    rows = _read_rows(path)
    if not rows:
        raise ConfigError(f"{path}: the manifest has no rows")
    _check_columns(path, {column for row in rows for column in row}, job.mode)
    items, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            items.append(_item_of(row, path.parent, job))
        except ConfigError as exc:
            problems.append(f"row {number}: {exc}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ConfigError(f"{path}: " + "; ".join(problems[:_SHOWN]) + more)
    return items


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        match path.suffix.lower():
            case ".parquet":
                return list(pq.read_table(path).to_pylist())
            case ".csv":
                with path.open(newline="", encoding="utf-8-sig") as file:
                    return list(csv.DictReader(file))
            case ".jsonl" | ".ndjson":
                return [_parse_line(line, number) for number, line in enumerate(path.open(), start=1) if line.strip()]
            case other:
                raise ConfigError(f"{path}: a manifest is .parquet, .csv or .jsonl, not {other or 'without suffix'!r}")
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as exc:
        raise ConfigError(f"cannot read manifest {path}: {exc}") from exc


def _parse_line(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise ConfigError(f"line {number} of the manifest is not JSON: {exc}") from exc
    if not isinstance(row, dict):
        raise ConfigError(f"line {number} of the manifest is not a JSON object")
    return row


def _check_columns(path: Path, columns: set[str], mode: Mode) -> None:
    for needed in ("video", "mask") if mode == Mode.inpaint else ("video",):
        if needed not in columns:
            raise ConfigError(f"{path}: column {needed!r} is missing (found: {', '.join(sorted(map(str, columns)))})")
    for column in columns - set(COLUMNS):
        near = difflib.get_close_matches(str(column), COLUMNS, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f"{path}: column {column!r} is not known; is it {near[0]!r}?")


def _item_of(row: dict[str, Any], base: Path, job: JobConfig) -> Item:
    overrides = _overrides(row.get("overrides"))
    settings = apply_overrides(job, overrides)
    if not row.get("video") or not (row.get("mask") or settings.mode == Mode.outpaint):
        raise ConfigError("video or mask is empty")
    video = base / str(row["video"])
    mask = base / str(row["mask"]) if row.get("mask") else None
    name = str(row.get("output") or "") or (video.name if video.is_dir() else video.stem)
    suffix = suffix_of(settings.stitch.codec)
    if suffix and name.endswith(suffix):
        name = name.removesuffix(suffix)
    return Item(
        id=Path(name).as_posix(),
        video=video,
        mask=mask,
        output=_output(settings, name),
        frames=_number(row, "frames", int),
        width=_number(row, "width", int),
        height=_number(row, "height", int),
        fps=_number(row, "fps", float),
        overrides=overrides,
    )


def _number(row: dict[str, Any], column: str, kind: type[N]) -> N | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        number = kind(value)
    except ValueError as exc:
        raise ConfigError(f"{column}={value!r} is not a number") from exc
    if not 0 < number < 1e9:
        raise ConfigError(f"{column}={value!r} is out of range")
    return number


def _overrides(value: object) -> tuple[str, ...]:
    """Accept `a.b=1 c.d=2` (CSV), a list of such, or an object {"a.b": 1}."""
    match value:
        case None | "":
            return ()
        case str():
            return tuple(value.split())
        case dict():
            return tuple(f"{key}={setting}" for key, setting in value.items() if setting is not None)
        case list():
            return tuple(map(str, value))
    raise ConfigError(f"overrides={value!r} is neither text, a list nor an object")


# --- outputs ---------------------------------------------------------------------------------------------------------


def _output(job: JobConfig, name: str) -> Path:
    """Return the output path of `name`, which has to lie inside the run's folder."""
    out = Path(job.out)
    path = out / (name + suffix_of(job.stitch.codec))
    inside = Path(os.path.normpath(path)).is_relative_to(os.path.normpath(out))
    if not inside or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError(f"output {name!r} leaves the output folder {out}")
    return path


def _refuse_collisions(items: Sequence[Item]) -> None:
    taken: dict[Path, Item] = {}
    for item in items:
        other = taken.setdefault(item.output, item)
        if other is not item:
            raise ConfigError(
                f"two items would write {item.output}: {other.video} and {item.video}; "
                "give each its own `output` in a manifest"
            )
    sources = {path.absolute(): path for path in _sources(items)}
    for item in items:
        if item.output.absolute() in sources:
            raise ConfigError(f"{item.output} is an input of this job and would be overwritten: choose another --out")


def _sources(items: Iterable[Item]) -> Iterator[Path]:
    for item in items:
        yield item.video
        if item.mask is not None:
            yield item.mask
