"""Which videos, which masks, which outputs? From a manifest, or from globs and a mask rule.

Nothing is opened here but the manifest itself and folders: a video that cannot be read or a mask that is missing is the
probe's business (the item is quarantined), while two items with one output are refused before any work (ConfigError).
"""

import csv
import difflib
import glob
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pyarrow as pa

from pipelines.config import JobConfig, Mode
from pipelines.errors import ConfigError, StoreError
from pipelines.job import apply_overrides
from pipelines.mask_rule import MaskRule
from pipelines.media.encoding import suffix_of
from pipelines.media.kinds import is_video_file
from pipelines.stores.entry import Entry
from pipelines.stores.files import Files
from pipelines.stores.folders import Folders, fixed_part
from pipelines.stores.location import Location, RemotePath, join, location_of
from pipelines.tables import read_parquet
from pipelines.tasks import Item

N = TypeVar("N", int, float)

COLUMNS = ("video", "mask", "output", "frames", "width", "height", "fps", "overrides")
_SHOWN = 8
"""Problems of a manifest that are printed; the rest are counted."""


def discover(job: JobConfig) -> list[Item]:
    """Return the job's items in a stable order. Raises ConfigError when there are none, or outputs collide."""
    if job.input.manifest and job.input.videos:
        raise ConfigError("both a manifest and videos are given: give one of --manifest and --videos")
    files = Files(job.s3)
    if job.input.manifest:
        items = _from_manifest(location_of(job.input.manifest), job, files)
    else:
        items = _from_globs(job, Folders(files))
    _refuse_collisions(items)
    return items


# --- globs -----------------------------------------------------------------------------------------------------------


def _from_globs(job: JobConfig, folders: Folders) -> list[Item]:
    if not job.input.videos:
        raise ConfigError("no input: give --videos 'in/*.mp4' --masks RULE, or --manifest FILE, or a job file")
    found: dict[Location, str] = {}
    for pattern in job.input.videos:
        matches = list(_expand(pattern, folders))
        if not matches:
            raise ConfigError(f"no video matches {pattern!r} (containers and folders of images count)")
        found |= {path: name for path, name in matches if path not in found}
    masks = _masks_of(list(found), job, folders)
    used_as_mask = {mask.resolve() for mask in masks.values() if mask is not None}
    return [
        Item(name, video, masks[video], _output(job, name))
        for video, name in sorted(found.items(), key=lambda pair: pair[1])
        if video.resolve() not in used_as_mask
    ]


def _masks_of(videos: Sequence[Location], job: JobConfig, folders: Folders) -> dict[Location, Location | None]:
    """Outpainting without a rule takes the masks that lie beside their videos, and does without where there is none."""
    rule = MaskRule(job.input.masks, videos, folders)
    optional = job.mode == Mode.outpaint and not job.input.masks
    masks = {video: rule.mask_of(video) for video in videos}
    return {video: None if optional and not folders.exists(mask) else mask for video, mask in masks.items()}


def _expand(pattern: str, folders: Folders) -> Iterator[tuple[Location, str]]:
    """Yield (video, name without suffix); the name keeps the folders below the pattern's fixed part."""
    place = location_of(pattern)
    if isinstance(place, RemotePath) and glob.has_magic(place.key):
        yield from _match_remote(place, folders)
    elif isinstance(place, Path) and glob.has_magic(str(place)):
        yield from _match_local(str(place), folders)
    elif not folders.is_folder(place):
        # A file named outright is taken at its word; the probe says so if it is no video.
        if isinstance(place, RemotePath) or place.exists():
            yield place, place.stem
    elif folders.holds_images(place):
        yield place, place.resolve().name
    else:
        videos = [entry.place for entry in folders.children(place)]
        yield from ((video, video.stem) for video in videos if is_video_file(video))


def _match_local(pattern: str, folders: Folders) -> Iterator[tuple[Location, str]]:
    base = _fixed_part(pattern)
    for match in sorted(map(Path, glob.glob(pattern, recursive=True))):  # noqa: PTH207  # patterns may be absolute
        is_folder = match.is_dir()
        if is_video_file(match) or (is_folder and folders.holds_images(match)):
            below = match.relative_to(base)
            yield match, (below if is_folder else below.with_suffix("")).as_posix()


def _match_remote(pattern: RemotePath, folders: Folders) -> Iterator[tuple[Location, str]]:
    def name(entry: Entry) -> str:
        below = str(entry.place).removeprefix(str(fixed_part(pattern))).strip("/")
        return below if entry.is_folder else below.removesuffix(entry.place.suffix)

    matches = sorted(folders.matches(pattern), key=lambda entry: str(entry.place))
    yield from ((entry.place, name(entry)) for entry in matches if entry.is_folder or is_video_file(entry.place))


def _fixed_part(pattern: str) -> Path:
    fixed: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


# --- manifest --------------------------------------------------------------------------------------------------------


def _from_manifest(place: Location, job: JobConfig, files: Files) -> list[Item]:
    rows = _read_rows(place, files)
    folders = Folders(files)
    if not rows:
        raise ConfigError(f"{place}: the manifest has no rows")
    _check_columns(place, {column for row in rows for column in row}, job.mode)
    items, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            items.append(_item_of(row, place.parent, job, folders))
        except ConfigError as exc:
            problems.append(f"row {number}: {exc}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ConfigError(f"{place}: " + "; ".join(problems[:_SHOWN]) + more)
    return items


def _read_rows(place: Location, files: Files) -> list[dict[str, Any]]:
    suffix = place.suffix.lower()
    if suffix not in (".parquet", ".csv", ".jsonl", ".ndjson"):
        raise ConfigError(f"{place}: a manifest is .parquet, .csv or .jsonl, not {suffix or 'without suffix'!r}")
    try:
        content = files.read(place)
        if content is None:
            raise ConfigError(f"cannot read manifest {place}: there is no such file")
        if suffix == ".parquet":
            return list(read_parquet(content).to_pylist())
        text = content.decode("utf-8-sig")
        if suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text, newline="")))
        return [_parse_line(line, number) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    except (StoreError, OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as exc:
        raise ConfigError(f"cannot read manifest {place}: {exc}") from exc


def _parse_line(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise ConfigError(f"line {number} of the manifest is not JSON: {exc}") from exc
    if not isinstance(row, dict):
        raise ConfigError(f"line {number} of the manifest is not a JSON object")
    return row


def _check_columns(place: Location, columns: set[str], mode: Mode) -> None:
    for needed in ("video", "mask") if mode == Mode.inpaint else ("video",):
        if needed not in columns:
            raise ConfigError(f"{place}: column {needed!r} is missing (found: {', '.join(sorted(map(str, columns)))})")
    for column in columns - set(COLUMNS):
        near = difflib.get_close_matches(str(column), COLUMNS, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f"{place}: column {column!r} is not known; is it {near[0]!r}?")


def _item_of(row: dict[str, Any], base: Location, job: JobConfig, folders: Folders) -> Item:
    overrides = _overrides(row.get("overrides"))
    settings = apply_overrides(job, overrides)
    if not row.get("video") or not (row.get("mask") or settings.mode == Mode.outpaint):
        raise ConfigError("video or mask is empty")
    video = join(base, str(row["video"]))
    mask = join(base, str(row["mask"])) if row.get("mask") else None
    name = str(row.get("output") or "") or folders.stem(video)
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


def _output(job: JobConfig, name: str) -> Location:
    """Return the place of the output `name`, which has to lie inside the run's folder."""
    out = location_of(job.out)
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ConfigError(f"output {name!r} leaves the output folder {out}")
    return out / (name + suffix_of(job.stitch.codec))


def _refuse_collisions(items: Sequence[Item]) -> None:
    taken: dict[Location, Item] = {}
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


def _sources(items: Iterable[Item]) -> Iterator[Location]:
    for item in items:
        yield item.video
        if item.mask is not None:
            yield item.mask
