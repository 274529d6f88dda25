"""The items of a job: videos, masks, outputs. From a manifest, or from globs and a mask rule.

Nothing is opened here but the manifest itself and folders: a video that cannot be read or a mask that is missing is the
probe's business (the item is quarantined), as is a name that cannot be used, while two items with one output, or an
item out of bounds, are refused before any work (ConfigError).
"""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError, OddName
from reelmend.pipelines.job.collisions import Collisions
from reelmend.pipelines.job.found_videos import PassedOver, find_videos
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.job.manifest_rows import read_rows
from reelmend.pipelines.job.mask_rule import MaskRule
from reelmend.pipelines.job.one_output import name_output
from reelmend.pipelines.job.path_policy import PathPolicy, odd_item, refuse_odd_text, refuse_unwritable
from reelmend.pipelines.job.validate import FASTEST_RATE, SLOWEST_RATE
from reelmend.pipelines.media.encoding import suffix_of, without_suffix
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.masks.expression import MaskExpression, is_expression, read_expression
from reelmend.pipelines.media.masks.sources.registry import source_names
from reelmend.pipelines.media.rates import exact_rate
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.globbing import Folders
from reelmend.pipelines.storage.location import Location, join, location_of, tidy
from reelmend.pipelines.tasks import Item

N = TypeVar("N", int, float)

COLUMNS = ("video", "mask", "output", "frames", "width", "height", "fps", "range", "overrides")
_SHOWN = 8
"""Problems of a manifest that are printed; the rest are counted."""


def discover(job: JobConfig, passed: PassedOver | None = None) -> list[Item]:
    """Return the job's items in a stable order; `passed` learns which files beside them are none.

    An item with a name that cannot be used is among them, with its problem. Raises ConfigError when there are no items,
    or none but such, and when outputs collide.
    """
    return list(walk(job, passed))


def walk(job: JobConfig, passed: PassedOver | None = None) -> Iterator[Item]:
    """Yield what `discover` returns, one item after the other; what it raises comes at the end at the latest."""
    collisions = Collisions()
    if job.output is not None:
        yield name_output(_items(job, passed or PassedOver()), job)
        return
    for item in _items(job, passed or PassedOver()):
        collisions.see(item)
        yield item
    collisions.refuse(lambda: _items(job, PassedOver()))


def _items(job: JobConfig, passed: PassedOver) -> Iterator[Item]:
    if job.input.manifest and job.input.videos:
        raise ConfigError("--manifest and --videos cannot be combined; use one of them")
    files = Files(job.s3)
    if job.input.manifest:
        yield from _from_manifest(location_of(job.input.manifest), job, files)
    else:
        yield from _from_globs(job, files, passed)


# --- globs -----------------------------------------------------------------------------------------------------------


def _from_globs(job: JobConfig, files: Files, passed: PassedOver) -> Iterator[Item]:
    if not job.input.videos:
        raise ConfigError("no input: give --videos 'in/*.mp4' --masks PATTERN, or --manifest FILE, or a job file")
    folders = Folders(files)
    found = find_videos(job, files, folders, passed)
    expression = mask_expression(job.input.masks, folders)
    masks = _masks_of(list(found), job, expression, folders)
    used_as_mask = {mask.resolve() for mask in masks.values() if mask is not None}
    passed.forget(used_as_mask)
    videos = {video: name for video, name in found.items() if video.resolve() not in used_as_mask}
    if not videos:
        one = next(iter(found))
        raise ConfigError(f"every video is also a mask: {one} has the mask {masks[one]}; name the masks with --masks")
    bounds, suffix, of_range = PathPolicy(job), suffix_of(job.stitch.codec), range_suffix(job)
    of_mode = mode_suffix(job)
    words = words_of(expression)
    problems: list[str] = []
    for video, name in sorted(videos.items(), key=lambda pair: pair[1]):
        try:
            for what, text in (("video", str(video)), ("mask", str(masks[video] or ""))):
                refuse_odd_text(what, text)
                refuse_unwritable(text)
            own = name + of_range + of_mode
            item = _within(bounds, Item(own, video, masks[video], bounds.output(own, suffix), mask_expression=words))
        except OddName as exc:
            problems.append(str(exc))
            item = odd_item(str(video), name, str(exc), bounds, suffix)
        yield item
    if len(problems) == len(videos):
        raise ConfigError("; ".join(problems[:_SHOWN]))


def mask_expression(written: Any, folders: Folders) -> MaskExpression | None:
    """Return the expression that names a mask, None where a file or a pattern does. Raises ConfigError."""
    text = str(written or "").strip()
    if not is_expression(text):
        return None
    if text in source_names() and folders.exists(Path(text)):
        raise ConfigError(f"{text}: is a mask source, and a file or folder here; write ./{text} for the latter")
    return read_expression(text)


def words_of(expression: MaskExpression | None) -> str:
    """Return what an item keeps of an expression: nothing of one that only names a file."""
    return "" if expression is None or expression.is_file else str(expression.drawn or expression)


def _masks_of(
    videos: Sequence[Location], job: JobConfig, expression: MaskExpression | None, folders: Folders
) -> dict[Location, Location | None]:
    """Outpainting without a rule takes the masks that lie beside their videos, and does without where there is none."""
    if expression is not None and not expression.file:
        return dict.fromkeys(videos)
    rule = MaskRule(expression.file if expression else job.input.masks, videos, folders)
    optional = job.mode == Mode.outpaint and not job.input.masks
    masks = {video: rule.mask_of(video) for video in videos}
    return {video: None if optional and not folders.exists(mask) else mask for video, mask in masks.items()}


# --- manifest --------------------------------------------------------------------------------------------------------


def _from_manifest(place: Location, job: JobConfig, files: Files) -> Iterator[Item]:
    folders, base, bounds = Folders(files), place.parent, PathPolicy(job)
    columns: set[str] = set()
    problems: list[str] = []
    found = odd = good = 0
    for number, row in enumerate(read_rows(place, files, columns, COLUMNS), start=1):
        try:
            item = _within(bounds, _item_of(row, base, job, folders, bounds))
            good += 1
        except OddName as exc:
            odd += 1
            problems += [f"row {number}: {exc}"] if odd <= _SHOWN else []
            video, name = str(row.get("video") or ""), str(row.get("output") or "")
            yield odd_item(
                f"{number} {video}", name or video, f"row {number}: {exc}", bounds, suffix_of(job.stitch.codec)
            )
            continue
        except ConfigError as exc:
            found += 1
            if found <= _SHOWN:
                problems.append(f"row {number}: {exc}")
            continue
        yield item
    if not columns:
        raise ConfigError(f"{place}: the manifest has no rows")
    _check_columns(place, columns, job.mode)
    if found or not good:
        count = found + odd
        more = f"; and {count - len(problems)} more" if count > len(problems) else ""
        raise ConfigError(f"{place}: " + "; ".join(problems) + more)


def _check_columns(place: Location, columns: set[str], mode: Mode) -> None:
    for needed in ("video",) if mode == Mode.outpaint else ("video", "mask"):
        if needed not in columns:
            raise ConfigError(f"{place}: column {needed!r} is missing (found: {', '.join(sorted(map(str, columns)))})")
    for column in columns - set(COLUMNS):
        near = difflib.get_close_matches(str(column), COLUMNS, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f"{place}: column {column!r} is unknown; did you mean {near[0]!r}?")


def _item_of(row: dict[str, Any], base: Location, job: JobConfig, folders: Folders, bounds: PathPolicy) -> Item:
    for column in ("video", "mask", "output"):
        text = str(row.get(column) or "")
        refuse_odd_text(column, text)
        refuse_unwritable(text)
    overrides = _overrides(row.get("overrides"))
    if row.get("range"):
        overrides = (*overrides, f"frames={row['range']}")
    settings = apply_overrides(job, overrides)
    if settings.mode != Mode.outpaint and any(text.startswith("outpaint.") for text in overrides):
        raise ConfigError("outpaint.* is set, but mode is not outpaint; add mode=outpaint")
    if not row.get("video") or not (row.get("mask") or settings.mode == Mode.outpaint):
        raise ConfigError("video or mask is empty")
    video = folders.as_spelled(join(base, str(row["video"])))
    expression = mask_expression(row.get("mask"), folders)
    file = expression.file if expression else str(row.get("mask") or "")
    mask = folders.as_spelled(join(base, file)) if file else None
    name = without_suffix(str(row.get("output") or ""))
    if not (
        name and any(text.startswith("frames=") for text in overrides)
    ):  # a row's own name and range belong together
        name = (name or folders.stem(video)) + range_suffix(settings) + mode_suffix(settings)
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
        problem=f"{video} is also its own mask; name the file that marks the missing pixels" if video == mask else "",
        mask_expression=words_of(expression),
    )


def range_suffix(job: JobConfig) -> str:
    """Return what the name of an output ends in where a range of its video is restored."""
    frames = range_of(job.frames)
    return frames.suffix if frames else ""


def mode_suffix(job: JobConfig) -> str:
    """Return what the name of an output ends in where it is a mask: as a mask next to its video is found."""
    return "_mask" if job.mode is Mode.masks else ""


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
    raise ConfigError(f"overrides={value!r} is not text, a list or an object")


def _rate(row: dict[str, Any]) -> float | None:
    written = row.get("fps")
    if isinstance(written, str) and "/" in written:
        try:
            row = row | {"fps": float(exact_rate(written))}
        except ValueError as exc:
            raise ConfigError(f"fps: {exc}") from exc
    fps = _number(row, "fps", float)
    if fps is not None and not SLOWEST_RATE <= fps <= FASTEST_RATE:
        raise ConfigError(f"fps={fps:g} is outside {SLOWEST_RATE:g}..{FASTEST_RATE:g}")
    return fps


def _within(bounds: PathPolicy, item: Item) -> Item:
    """Return the item. Raises ConfigError when it would read what it may not."""
    bounds.refuse_source(item.video)
    if item.mask is not None:
        bounds.refuse_source(item.mask)
    return item
