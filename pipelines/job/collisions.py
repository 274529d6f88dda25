"""Detection of items that would write the same place, one inside another's, or another's input.

An item writes its output or, where its mask is empty, a copy of its source (`pipelines/job/output_paths.py`); until the probe
nobody knows which. Of each path eight bytes are kept. Where two are equal, and only there, the items are gone through
again to see whether the paths are: so a million items need some 32 MB and no second look.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.output_paths import copy_names
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Item

Again = Callable[[], Iterable[Item]]
"""Gives the same items once more."""


class Collisions:
    """Sees every item once, then refuses the first two that collide."""

    def __init__(self) -> None:
        self._here = os.getcwd()  # noqa: PTH109  # as text, which is quicker to join than paths are
        self._written, self._read = array("q"), array("q")
        self._folders = _FoldersAbove(), _FoldersAbove(), _FoldersAbove()  # of outputs, videos, masks

    def see(self, item: Item) -> None:
        written = self._written_by(item)
        self._written.extend(map(hash, written))
        read = self._read_by(item)
        self._read.extend(map(hash, read))
        for folders, path in zip(self._folders, (written[0], *read), strict=False):
            folders.see(path)

    def refuse(self, again: Again) -> None:
        """Raise ConfigError if items collide."""
        written, read = _hashes(self._written), _hashes(self._read)
        unique, count = np.unique(written, return_counts=True)
        twice = unique[count > 1]
        overwritten = np.intersect1d(unique, read)
        around = np.intersect1d(unique, np.concatenate([_hashes(folders.kept) for folders in self._folders]))
        if twice.size:
            self._refuse_twice(again(), set(twice.tolist()))
        if overwritten.size:
            self._refuse_read(again, set(overwritten.tolist()))
        if around.size:
            self._refuse_around(again, set(around.tolist()))

    def _refuse_twice(self, items: Iterable[Item], suspects: set[int]) -> None:
        taken: dict[str, Item] = {}
        for item, path in self._all_written(items, suspects):
            other = taken.setdefault(path, item)
            if other is not item:
                raise ConfigError(
                    f"two items would write {_name(path, item)}: {other.video} and {item.video}; "
                    "set `output` for each in a manifest"
                )

    def _refuse_read(self, again: Again, suspects: set[int]) -> None:
        sources = {path for item in again() for path in self._read_by(item) if hash(path) in suspects}
        for item, path in self._all_written(again(), suspects):
            if path in sources:
                raise ConfigError(
                    f"{_name(path, item)} is an input of this job and would be overwritten: choose another --out"
                )

    def _refuse_around(self, again: Again, suspects: set[int]) -> None:
        """What is put in the place of a folder removes all that is in it."""
        around = {path: item for item, path in self._all_written(again(), suspects)}
        for item in again():
            for path in (self._written_by(item)[0], *self._read_by(item)):
                outer = next((folder for folder in _folders_above(path) if folder in around), None)
                if outer is not None:
                    writer = around[outer]
                    raise ConfigError(
                        f"{writer.video} would write {_name(outer, writer)}, which contains {path} of {item.video}; give "
                        "one of them another `output` in a manifest, or choose another --out"
                    )

    def _all_written(self, items: Iterable[Item], suspects: set[int]) -> Iterator[tuple[Item, str]]:
        for item in items:
            yield from ((item, path) for path in self._written_by(item) if hash(path) in suspects)

    def _written_by(self, item: Item) -> list[str]:
        """Return the places that may be written, the output first, each once."""
        output = self._path(item.output)
        folder = output[: output.rfind("/") + 1]
        copies = [folder + name for name in copy_names(item)]
        return [output, *(copy for copy in copies if copy != output)]

    def _read_by(self, item: Item) -> list[str]:
        return [self._path(place) for place in (item.video, item.mask) if place is not None]

    def _path(self, place: Location) -> str:
        text = str(place)
        return text if text.startswith("/") or not isinstance(place, Path) else f"{self._here}/{text}"


class _FoldersAbove:
    """The folders that paths lie in, and those around them; ones that the last path had too are not kept again."""

    def __init__(self) -> None:
        self.kept = array("q")
        """Their hashes."""
        self._last = ""

    def see(self, path: str) -> None:
        parent = path[: path.rfind("/") + 1]
        if parent == self._last:
            return
        for folder in _folders_above(path):
            if self._last.startswith(f"{folder}/"):
                break
            self.kept.append(hash(folder))
        self._last = parent


def _folders_above(path: str) -> Iterator[str]:
    """Yield the folders around a path, the innermost first."""
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)


def _hashes(kept: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(kept, np.int64)


def _name(path: str, item: Item) -> str:
    """Return the place as the job names it, and when it would be written if that is not certain."""
    place = item.output.with_name(path.rpartition("/")[2])
    return str(place) if place == item.output else f"{place} (a copy of the source, should its mask be empty)"
