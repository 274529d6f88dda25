"""Which videos, which masks, which outputs? From a manifest, or from globs and a mask rule.

Nothing is opened here but the manifest itself and folders: a video that cannot be read or a mask that is missing is the
probe's business (the item is quarantined), while two items with one output, or an item out of bounds, are refused
before any work (ConfigError).
"""

import difflib
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipelines.bounds import Bounds, refuse_odd_text
from pipelines.collisions import Collisions
from pipelines.config import JobConfig, Mode
from pipelines.errors import ConfigError
from pipelines.job import apply_overrides
from pipelines.job_checks import FASTEST_RATE, SLOWEST_RATE
from pipelines.manifest_rows import read_rows
from pipelines.masks.rule import MaskRule
from pipelines.media.encoding import suffix_of, without_suffix
from pipelines.media.kinds import is_video_file
from pipelines.stores.entry import Entry
from pipelines.stores.files import Files
from pipelines.stores.folders import Folders, fixed_part, is_pattern, literal
from pipelines.stores.location import Location, RemotePath, join, location_of, tidy
from pipelines.tasks import Item
from pipelines.written_names import UnwritableNames

N = TypeVar("N", int, float)

COLUMNS = ("video", "mask", "output", "frames", "width", "height", "fps", "overrides")
_SHOWN = 8
"""Problems of a manifest that are printed; the rest are counted."""


def discover(job: JobConfig) -> list[Item]:
    """Return the job's items in a stable order.

    Raises ConfigError when there are none, when outputs collide, or when a name is not UTF-8.
    """
    return list(walk(job))


def walk(job: JobConfig) -> Iterator[Item]:
    """Yield what `discover` returns, one item after the other; what it raises comes at the end at the latest."""
    names, collisions = UnwritableNames(), Collisions()
    for item in _items(job):
        names.see(item)
        collisions.see(item)
        yield item
    names.refuse()
    collisions.refuse(lambda: _items(job))


def _items(job: JobConfig) -> Iterator[Item]:
    if job.input.manifest and job.input.videos:
        raise ConfigError("both a manifest and videos are given: give one of --manifest and --videos")
    files = Files(job.s3)
    if job.input.manifest:
        yield from _from_manifest(location_of(job.input.manifest), job, files)
    else:
        yield from _from_globs(job, Folders(files))


# --- globs -----------------------------------------------------------------------------------------------------------


def _from_globs(job: JobConfig, folders: Folders) -> Iterator[Item]:
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
    bounds, suffix = Bounds(job), suffix_of(job.stitch.codec)
    for video, name in sorted(found.items(), key=lambda pair: pair[1]):
        if video.resolve() not in used_as_mask:
            yield _within(bounds, Item(name, video, masks[video], bounds.output(name, suffix)))


def _masks_of(videos: Sequence[Location], job: JobConfig, folders: Folders) -> dict[Location, Location | None]:
    """Outpainting without a rule takes the masks that lie beside their videos, and does without where there is none."""
    rule = MaskRule(job.input.masks, videos, folders)
    optional = job.mode == Mode.outpaint and not job.input.masks
    masks = {video: rule.mask_of(video) for video in videos}
    return {video: None if optional and not folders.exists(mask) else mask for video, mask in masks.items()}


def _expand(pattern: str, folders: Folders) -> Iterator[tuple[Location, str]]:
    """Yield (video, name without suffix); the name keeps the folders below the pattern's fixed part."""
    place = location_of(pattern)
    if is_pattern(place):
        matched = _match_remote(place, folders) if isinstance(place, RemotePath) else _match_local(place, folders)
        yield from matched
        return
    place = literal(place)
    if not folders.is_folder(place):
        # A file named outright is taken at its word; the probe says so if it is no video.
        if isinstance(place, RemotePath) or folders.is_there(place):
            yield place, place.stem
    elif folders.holds_images(place):
        yield place, place.resolve().name
    else:
        videos = [entry.place for entry in folders.children(place)]
        yield from ((video, video.stem) for video in videos if is_video_file(video))


def _match_local(pattern: Path, folders: Folders) -> Iterator[tuple[Location, str]]:
    base = str(fixed_part(pattern))
    for match in sorted(map(Path, glob.glob(str(pattern), recursive=True))):  # noqa: PTH207  # patterns may be absolute
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


# --- manifest --------------------------------------------------------------------------------------------------------


def _from_manifest(place: Location, job: JobConfig, files: Files) -> Iterator[Item]:
    folders, base, bounds = Folders(files), place.parent, Bounds(job)
    columns: set[str] = set()
    problems: list[str] = []
    found = 0
    for number, row in enumerate(read_rows(place, files, columns, COLUMNS), start=1):
        try:
            item = _within(bounds, _item_of(row, base, job, folders, bounds))
        except ConfigError as exc:
            found += 1
            if found <= _SHOWN:
                problems.append(f"row {number}: {exc}")
            continue
        yield item
    if not columns:
        raise ConfigError(f"{place}: the manifest has no rows")
    _check_columns(place, columns, job.mode)
    if problems:
        more = f"; and {found - _SHOWN} more" if found > _SHOWN else ""
        raise ConfigError(f"{place}: " + "; ".join(problems) + more)


def _check_columns(place: Location, columns: set[str], mode: Mode) -> None:
    for needed in ("video", "mask") if mode == Mode.inpaint else ("video",):
        if needed not in columns:
            raise ConfigError(f"{place}: column {needed!r} is missing (found: {', '.join(sorted(map(str, columns)))})")
    for column in columns - set(COLUMNS):
        near = difflib.get_close_matches(str(column), COLUMNS, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f"{place}: column {column!r} is not known; is it {near[0]!r}?")


def _item_of(row: dict[str, Any], base: Location, job: JobConfig, folders: Folders, bounds: Bounds) -> Item:
    for column in ("video", "mask", "output"):
        refuse_odd_text(column, str(row.get(column) or ""))
    overrides = _overrides(row.get("overrides"))
    settings = apply_overrides(job, overrides)
    if not row.get("video") or not (row.get("mask") or settings.mode == Mode.outpaint):
        raise ConfigError("video or mask is empty")
    video = join(base, str(row["video"]))
    mask = join(base, str(row["mask"])) if row.get("mask") else None
    name = without_suffix(str(row.get("output") or "")) or folders.stem(video)
    return Item(
        id=tidy(name),
        video=video,
        mask=mask,
        output=bounds.output(name, suffix_of(settings.stitch.codec)),
        frames=_number(row, "frames", int),
        width=_number(row, "width", int),
        height=_number(row, "height", int),
        fps=_rate(row),
        overrides=overrides,
    )


def _number(row: dict[str, Any], column: str, kind: type[N]) -> N | None:
    """Whole numbers may be written as `292.0`: a table writes them so when the column has gaps."""
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise ConfigError(f"{column}={value!r} is not a number") from exc
    if not 0 < number < 1e9:
        raise ConfigError(f"{column}={value!r} is out of range")
    if kind is int and not number.is_integer():
        raise ConfigError(f"{column}={value!r} is not a whole number")
    return kind(number)


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


def _rate(row: dict[str, Any]) -> float | None:
    fps = _number(row, "fps", float)
    if fps is not None and not SLOWEST_RATE <= fps <= FASTEST_RATE:
        raise ConfigError(f"fps={fps:g} is outside {SLOWEST_RATE:g}..{FASTEST_RATE:g}")
    return fps


def _within(bounds: Bounds, item: Item) -> Item:
    """Return the item. Raises ConfigError when it would read what it may not."""
    bounds.refuse_source(item.video)
    if item.mask is not None:
        bounds.refuse_source(item.mask)
    return item
