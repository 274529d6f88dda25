"""Videos that globs and folders name, and the files there that are passed over, each with its reason."""

import glob
import os
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError, ReelmendError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.globbing import Folders, fixed_part, is_pattern, literal
from reelmend.pipelines.storage.ledger.write import Outcome, read_outcomes
from reelmend.pipelines.storage.location import Entry, Location, RemotePath, location_of
from reelmend.pipelines.storage.run_layout import LEDGER, WORK_FOLDER
from reelmend.pipelines.storage.staging import STAGED_PREFIX
from reelmend.pipelines.storage.suffixes import COMMON_VIDEO_SUFFIXES, is_image, is_video_file

_NAMES = 3
_LINES = 8


class PassedOver:
    """Collects them; hidden files do not count."""

    def __init__(self) -> None:
        self._places: dict[str, list[Location]] = defaultdict(list)

    def see(self, place: Location, why: str) -> None:
        if not place.name.startswith("."):
            self._places[why].append(place)

    def forget(self, used: Collection[Location]) -> None:
        """Masks were taken up after all, as what they are."""
        for why, places in self._places.items():
            self._places[why] = [place for place in places if place.resolve() not in used]

    @property
    def lines(self) -> list[str]:
        """One a reason, with the first names."""
        said = [f"skipped: {_named(places)}: {why}" for why, places in self._places.items() if places]
        return said[:_LINES] + ([f"and {len(said) - _LINES} more reasons"] if len(said) > _LINES else [])


def _named(places: list[Location]) -> str:
    more = f" and {len(places) - _NAMES} more" if len(places) > _NAMES else ""
    return ", ".join(map(str, places[:_NAMES])) + more


def find_videos(job: JobConfig, files: Files, folders: Folders, passed: PassedOver) -> dict[Location, str]:
    """Return the videos of a job's patterns, each with its name without suffix.

    Raises ConfigError when a pattern matches none.
    """
    found: dict[Location, str] = {}
    written = _WrittenEarlier(location_of(job.out), files)
    for pattern in job.input.videos:
        matches = [match for match in _expand(pattern, folders, passed) if not written.is_ours(match[0], passed)]
        if not matches:
            hint = "".join(f"; {line}" for line in passed.lines)
            raise ConfigError(f"no video matches {pattern!r} (container files and folders of images){hint}")
        found |= {path: name for path, name in matches if path not in found}
    return _one_of_each_name(found, passed)


class _WrittenEarlier:
    """What a run wrote into the output folder is no input of the next one, where a pattern reaches into it."""

    def __init__(self, out: Location, files: Files) -> None:
        self._out, self._files = out, files
        self._root = out if isinstance(out, RemotePath) else Path(os.path.realpath(out))

    def is_ours(self, place: Location, passed: PassedOver) -> bool:
        inside = self._inside(place)
        if inside is None:
            return False
        parts = inside.split("/")
        if parts[0] == WORK_FOLDER or any(part.startswith(STAGED_PREFIX) for part in parts):
            return True
        for name in (inside, inside.removesuffix(place.suffix)):
            outcome = self._outcomes.get(name)
            if outcome is not None and outcome.video != str(place.absolute()):
                passed.see(place, "an earlier run wrote it")
                return True
        return False

    def _inside(self, place: Location) -> str | None:
        """Return the path of a place in the output folder; None for one that is elsewhere."""
        root = str(self._root)
        path = str(place) if isinstance(place, RemotePath) else os.path.realpath(place)
        return path[len(root) :].strip("/") if path.startswith(f"{root.rstrip('/')}/") else None

    @cached_property
    def _outcomes(self) -> Mapping[str, Outcome]:
        try:
            return read_outcomes(self._out / WORK_FOLDER / LEDGER, self._files)
        except ReelmendError:  # what is wrong with it is said by who needs it
            return {}


def _one_of_each_name(found: Mapping[Location, str], passed: PassedOver) -> dict[Location, str]:
    """Leave out files of seldom kinds beside another video of their name: a moving preview, a bare stream."""
    kept: dict[Location, str] = {}
    names: set[str] = set()
    for common in (True, False):
        for place, name in found.items():
            if (place.suffix.lower() in COMMON_VIDEO_SUFFIXES or not is_video_file(place)) is not common:
                continue
            if not common and name in names:
                passed.see(place, "another video has the same name; set `output` for each in a manifest")
                continue
            names.add(name)
            kept[place] = name
    return kept


def _expand(pattern: str, folders: Folders, passed: PassedOver) -> Iterator[tuple[Location, str]]:
    """Yield (video, name without suffix); the name keeps the folders below the pattern's fixed part."""
    place = location_of(pattern)
    if is_pattern(place):
        match = _match_remote if isinstance(place, RemotePath) else _match_local
        yield from match(place, folders, passed)  # type: ignore[arg-type]
        return
    place = folders.as_spelled(literal(place))
    if not folders.is_folder(place):
        # A file named outright is taken at its word; the probe says so if it is not a video.
        if isinstance(place, RemotePath) or folders.is_there(place):
            yield place, place.stem
    elif folders.holds_images(place):
        yield place, place.resolve().name
    else:
        for entry in folders.children(place):
            if is_video_file(entry.place):
                yield entry.place, entry.place.stem
            elif entry.is_folder:
                passed.see(entry.place, f"a nested folder; use '{place}/**/*' to include its videos")
            else:
                _see_no_video(entry.place, passed)


def _match_local(pattern: Path, folders: Folders, passed: PassedOver) -> Iterator[tuple[Location, str]]:
    base = str(fixed_part(pattern))
    matches = {Path(match) for form in _forms(str(pattern)) for match in glob.glob(form, recursive=True)}  # noqa: PTH207
    for match in sorted(matches):
        is_folder = match.is_dir()
        if is_video_file(match) or (is_folder and folders.holds_images(match)):
            below = match.relative_to(base)
            yield match, (below if is_folder else below.with_suffix("")).as_posix()
        elif not is_folder:
            _see_no_video(match, passed)


def _forms(pattern: str) -> set[str]:
    """Return the ways in which a system may spell it: macOS writes an accent apart from its letter."""
    return {pattern} if pattern.isascii() else {pattern, *(unicodedata.normalize(f, pattern) for f in ("NFC", "NFD"))}


def _match_remote(pattern: RemotePath, folders: Folders, passed: PassedOver) -> Iterator[tuple[Location, str]]:
    def name(entry: Entry) -> str:
        below = str(entry.place).removeprefix(str(fixed_part(pattern))).strip("/")
        return below if entry.is_folder else below.removesuffix(entry.place.suffix)

    for entry in sorted(folders.matches(pattern), key=lambda entry: str(entry.place)):
        if entry.is_folder or is_video_file(entry.place):
            yield entry.place, name(entry)
        else:
            _see_no_video(entry.place, passed)


def _see_no_video(place: Location, passed: PassedOver) -> None:
    """An image is part of a folder's video, or somebody's mask."""
    if not is_image(place):
        suffix = place.suffix.lower()
        passed.see(
            place,
            f"{suffix} is not a known video type; name the file explicitly to try it" if suffix else "it has no suffix",
        )
