"""Contents of the folders of videos and masks, each listed only once."""

import glob
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Entry, Location, RemotePath
from reelmend.pipelines.storage.suffixes import is_image
from reelmend.pipelines.utils.text import is_writable

_ESCAPED = re.compile(r"\[([*?[])\]")
"""What `glob.escape` makes of a wildcard."""


class Folders:
    """Looked at while a job's items are found; what changes meanwhile is not seen."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.by_stem = cache(self._by_stem)
        self.is_folder = cache(files.is_folder)

    def exists(self, place: Location) -> bool:
        named = self.by_stem(place.parent).get(composed(place.stem), ())
        return any(entry.place.name == place.name for entry in named)

    def as_spelled(self, place: Location) -> Location:
        """Return the place as the disk spells its name; itself where nothing of that name is there.

        Letters with accents are one character or two (NFC, NFD): systems and programs differ, people see no difference.
        """
        if str(place).isascii() or not is_writable(str(place)) or self._files.exists(place):
            return place
        if place.parent == place:
            return place
        folder = self.as_spelled(place.parent)
        children = self._files.children(folder) if self._files.is_folder(folder) else []
        names = (entry.place for entry in children)
        return next((found for found in names if composed(found.name) == composed(place.name)), place)

    def is_there(self, place: Location) -> bool:
        """Whether there is a file or folder of this name, by a look at it alone. Raises StoreError."""
        return self._files.exists(place)

    def children(self, folder: Location) -> list[Entry]:
        return self._files.children(folder)

    def holds_images(self, folder: Location) -> bool:
        return any(is_image(entry.place) for entry in self._files.children(folder))

    def stem(self, place: Location) -> str:
        """Return the name without suffix; a folder's name has none."""
        return place.name if self.is_folder(place) else place.stem

    def matches(self, pattern: RemotePath) -> Iterator[Entry]:
        """Yield the files, and the folders that hold images, that a glob means; `**` goes through folders."""
        wanted = re.compile(_translate(pattern.key))
        folders: set[RemotePath] = set()
        for entry in self._files.walk(fixed_part(pattern)):
            assert isinstance(entry.place, RemotePath)
            folder = entry.place.parent
            if is_image(entry.place) and folder not in folders:
                folders.add(folder)
                if wanted.fullmatch(folder.key):
                    yield Entry(folder, 0, "", 0.0, is_folder=True)
            if wanted.fullmatch(entry.place.key):
                yield entry

    def _by_stem(self, folder: Location) -> dict[str, list[Entry]]:
        """Return the folder's entries by `composed` name without suffix, and by name where they are folders."""
        entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._files.children(folder):
            stem, name = composed(entry.place.stem), composed(entry.place.name)
            entries[stem].append(entry)
            if entry.is_folder and stem != name:
                entries[name].append(entry)
        return entries


def composed(name: str) -> str:
    """Return the name with each letter and its accents as one character, however it is spelled."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def is_pattern(place: Location) -> bool:
    """Whether there are wildcards in it other than those that `glob.escape` has made letters of."""
    return glob.has_magic(_ESCAPED.sub("", _text(place)))


def literal(place: Location) -> Location:
    """Return the place of which `glob.escape` has made this one."""
    text = _ESCAPED.sub(r"\1", _text(place))
    return place.at(text) if isinstance(place, RemotePath) else Path(text)


def fixed_part(pattern: Location) -> Location:
    """Return the folder down to which a pattern says where to look."""
    place = pattern
    while is_pattern(place):
        place = place.parent
    return literal(place)


def _text(place: Location) -> str:
    return place.key if isinstance(place, RemotePath) else str(place)


def _translate(pattern: str) -> str:
    """Return the regular expression of a glob, as `glob.glob(recursive=True)` reads it: no `*` means a hidden name."""
    expression = ""
    parts = PurePosixPath(pattern).parts
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            expression += "(?:[^/.][^/]*/)*" + ("[^/.][^/]*" if last else "")
        else:
            expression += _translate_name(part) + ("" if last else "/")
    return expression


def _translate_name(part: str) -> str:
    expression = "(?!\\.)" if part[0] in "*?[" else ""
    for piece in re.split(r"(\*+|\?|\[!?\]?[^\]]*\])", part):
        if piece.startswith("*"):
            expression += "[^/]*"
        elif piece == "?":
            expression += "[^/]"
        elif piece.startswith("[") and len(piece) > 2:
            inside = re.sub(r"[\\\[]", r"\\\g<0>", piece[1:-1])
            expression += "[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]"
        else:
            expression += re.escape(piece)
    return expression
