"""Path policy: outputs inside the run's folder, sources inside `input.allowed`.

Manifests may be written by others than those who run them. What is refused here is refused before any work.
"""

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError, OddName
from reelmend.pipelines.storage.location import Location, RemotePath, location_of, tidy
from reelmend.pipelines.storage.run_layout import WORK_FOLDER
from reelmend.pipelines.storage.staging import STAGED_PREFIX
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.text import is_writable, shown, visible

_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for a byte of a name are left out."""
_LONGEST_NAME_BYTES = 255
_SHORT = 59
"""Letters that are no more bytes than any name may have, in four bytes each: most paths need no closer look."""
_LONGEST_PATH_BYTES = 4096
_LONGEST_KEY_BYTES = 1024


class PathPolicy:
    """Of one job. Folders are looked at once."""

    def __init__(self, job: JobConfig) -> None:
        self._out = location_of(job.out)
        self._allowed = [_real(location_of(place)) for place in job.input.allowed]
        self._refuse_links = lru_cache(maxsize=4096)(self._refuse_links_out)

    def output(self, name: str, suffix: str) -> Location:
        """Return the place of the output `name`. Raises ConfigError unless that is inside the run's folder for good."""
        refuse_odd_text("output", name)
        inside = tidy(name)
        parts = inside.split("/")
        if inside.startswith("/") or ".." in parts or inside == ".":
            raise ConfigError(f"output {name!r} is outside the output folder {self._out}")
        staged = any(part.startswith(STAGED_PREFIX) for part in parts)
        if staged or parts[0].partition(".")[0].casefold() == WORK_FOLDER:
            raise OddName(f"output {name!r} has a name reserved for the run's own files; choose another")
        place = self._out / (inside + suffix)
        _refuse_long(place, room=len(STAGED_PREFIX))
        self._refuse_links(inside.rpartition("/")[0])
        return place

    def refuse_source(self, place: Location) -> None:
        """Raise ConfigError for a video or mask that the job does not let its items read."""
        _refuse_long(place)
        if self._allowed and not any(_lies_in(_real(place), folder) for folder in self._allowed):
            raise ConfigError(f"{place} is outside input.allowed ({', '.join(map(str, self._allowed))})")

    def _refuse_links_out(self, inside: str) -> None:
        """`inside`: a folder's path in the run's folder."""
        folder = self._out / inside
        if not _lies_in(_real(folder), _real(self._out)):
            raise ConfigError(
                f"{folder} is a symbolic link out of the output folder {self._out}, to {_real(folder)}; use "
                "that folder as the output folder of a separate job"
            )


def refuse_odd_text(what: str, text: str) -> None:
    """Raise OddName for text that is not a name: control characters, or what cannot be written in bytes."""
    if _ODD.search(text):
        raise OddName(f"{what} {text!r} contains a control character or an invalid character; rename it")


def refuse_unwritable(text: str) -> None:
    """Raise OddName for a name that no ledger, log or report could hold."""
    if not is_writable(text):
        raise OddName(f"not UTF-8: {shown(text)}; rename it")


def _refuse_long(place: Location, room: int = 0) -> None:
    """`room`: bytes by which names have to be shorter."""
    if len(str(place)) < _SHORT:
        return
    if isinstance(place, RemotePath):
        too_long = len(place.key.encode("utf-8", "surrogateescape")) > _LONGEST_KEY_BYTES
    else:
        text = os.fsencode(place)
        too_long = len(text) > _LONGEST_PATH_BYTES or max(map(len, text.split(b"/"))) > _LONGEST_NAME_BYTES - room
    if too_long:
        raise OddName(f"{visible(str(place))[:80]}...: the name is too long; rename it")


def _real(place: Location) -> Location:
    return place if isinstance(place, RemotePath) else Path(os.path.realpath(place))


def _lies_in(place: Location, folder: Location) -> bool:
    if isinstance(place, RemotePath) and isinstance(folder, RemotePath):
        below = place.key == folder.key or not folder.key or place.key.startswith(f"{folder.key}/")
        return place.bucket == folder.bucket and below
    return isinstance(place, Path) and isinstance(folder, Path) and place.is_relative_to(folder)


_LONGEST = 80
"""Letters of a name that are shown."""


def odd_item(video: str, name: str, problem: str, bounds: PathPolicy, suffix: str) -> Item:
    """Return the item that says why `name`, of the video at `video`, is left out. Its id is unique to both."""
    mark = hashlib.sha256(f"{video}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    printable = "".join(letter if letter.isalnum() or letter in " .-_" else "_" for letter in _ascii(name)[:_LONGEST])
    shown = f"{printable.strip(' .-_') or 'name'}-{mark}"
    return Item(shown, Path(visible(video)[: 2 * _LONGEST]), None, bounds.output(shown, suffix), problem=problem)


def _ascii(name: str) -> str:
    return name.encode("ascii", "replace").decode().replace("?", "_")
