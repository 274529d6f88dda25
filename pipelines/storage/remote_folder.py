"""Upload of a finished file or folder of images, object by object."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from reelmend.pipelines.storage.location import Entry
from reelmend.pipelines.storage.suffixes import is_image


class _Bucket(Protocol):
    def look(self, place: Any) -> Entry | None: ...

    def children(self, folder: Any) -> list[Entry]: ...

    def delete(self, place: Any) -> None: ...


def upload(staged: Path, place: Any, put: Callable[[Path, Any], None], bucket: _Bucket) -> None:
    """Pass each file to `put`; images of an earlier, longer folder that the new one lacks are removed after it.

    Whatever else is there is not of an output, and stays.
    """
    if not staged.is_dir():
        put(staged, place)
        return
    names = {path.name for path in staged.iterdir()}
    for name in sorted(names):
        put(staged / name, place / name)
    for entry in bucket.children(place):
        if is_image(entry.place) and not entry.is_folder and entry.place.name not in names:
            bucket.delete(place / entry.place.name)


def copy_aside(place: Any, target: Any, copy: Callable[[Any, Any], None], bucket: _Bucket) -> Any:
    """Pass an object, or each image of a folder, to `copy`, under names that nothing has yet; return where it is."""
    kept = next(name for name in _names(target) if bucket.look(name) is None and not bucket.children(name))
    if bucket.look(place) is not None:
        copy(place, kept)
    else:
        for entry in bucket.children(place):
            if not entry.is_folder:
                copy(entry.place, kept / entry.place.name)
    return kept


def _names(target: Any) -> Iterator[Any]:
    yield target
    for number in count(1):
        yield target.with_name(f"{target.stem}.{number}{target.suffix}")
