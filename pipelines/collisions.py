"""Would two items write one file, or an item a file that another one reads?

Of each path eight bytes are kept. Where two are equal, and only there, the items are gone through again to see whether
the paths are: so a million items need some 24 MB and no second look.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import ConfigError
from pipelines.stores.location import Location
from pipelines.tasks import Item


class Collisions:
    """Sees every item once, then refuses the first two that collide."""

    def __init__(self) -> None:
        self._here = os.getcwd()  # noqa: PTH109  # as text, which is quicker to join than paths are
        self._outputs, self._sources = array("q"), array("q")

    def see(self, item: Item) -> None:
        self._outputs.append(hash(self._path(item.output)))
        self._sources.append(hash(self._path(item.video)))
        if item.mask is not None:
            self._sources.append(hash(self._path(item.mask)))

    def refuse(self, again: Callable[[], Iterable[Item]]) -> None:
        """Raise ConfigError if outputs collide. `again` gives the same items once more."""
        outputs, sources = (np.frombuffer(seen, np.int64) for seen in (self._outputs, self._sources))
        unique, count = np.unique(outputs, return_counts=True)
        twice = unique[count > 1]
        read = np.intersect1d(unique, sources)
        if twice.size:
            self._refuse_twice(again(), set(twice.tolist()))
        if read.size:
            self._refuse_read(again, read)

    def _refuse_twice(self, items: Iterable[Item], suspects: set[int]) -> None:
        taken: dict[str, Item] = {}
        for item in items:
            output = self._path(item.output)
            if hash(output) not in suspects:
                continue
            other = taken.setdefault(output, item)
            if other is not item:
                raise ConfigError(
                    f"two items would write {item.output}: {other.video} and {item.video}; "
                    "give each its own `output` in a manifest"
                )

    def _refuse_read(self, again: Callable[[], Iterable[Item]], suspects: NDArray[np.int64]) -> None:
        known = set(suspects.tolist())
        sources = {path for item in again() for path in self._read_by(item) if hash(path) in known}
        for item in again():
            if self._path(item.output) in sources:
                raise ConfigError(
                    f"{item.output} is an input of this job and would be overwritten: choose another --out"
                )

    def _read_by(self, item: Item) -> Iterator[str]:
        yield self._path(item.video)
        if item.mask is not None:
            yield self._path(item.mask)

    def _path(self, place: Location) -> str:
        text = str(place)
        return text if text.startswith("/") or not isinstance(place, Path) else f"{self._here}/{text}"
