"""The pictures of an item that a person looks at: where they lie, and what lies where on them.

They are in one folder beside the run's report, as plain JPEG and PNG. They are read by browsers, from a disk too, so
they carry no header of ours: the name is the digest of the bytes. Who reads one through this module gets what was
written or nothing, and a name can lead nowhere else.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePath

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import Facts, ItemFacts
from reelmend.pipelines.storage.location import Location

FOLDER = "report/previews"
"""Below the run's own folder, and below the page that shows them."""

_NAME = re.compile(r"[0-9a-f]{64}\.(jpg|png)")
_KINDS = {".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True)
class Sheet:
    """The layout of an item's sheet: cells in rows from the top left, first all before, then all after, then wholes.

    The cells are views of the hole: some moments, evenly spread, then consecutive frames. The wholes are small pictures
    of the whole frame, one a moment and one for the consecutive frames. A second sheet holds the hole's outlines,
    see-through, at the places of the cells before.
    """

    picture: str
    outline: str
    """Name of the second sheet; empty where there is none."""
    size: tuple[int, int]
    """Width and height of a cell."""
    step: tuple[int, int]
    """From one cell to the next, right and down."""
    columns: int
    moments: tuple[int, ...]
    """Frame numbers; -1 where none is known."""
    start: int
    """Frame number of the first of the consecutive frames."""
    moving: int
    """Consecutive frames."""
    rate: float
    """Frames per second of the video."""
    whole: tuple[int, int]
    """Width and height of a whole; 0 where there are none."""
    whole_step: tuple[int, int]

    def facts(self) -> Facts:
        """Return what the ledger keeps and `sheet_of` reads; the figures in one text, as a run may hold many rows."""
        figures = [*self.size, *self.step, self.columns, self.moments, self.start, self.moving, self.rate]
        layout = json.dumps([*figures, *self.whole, *self.whole_step], separators=(",", ":"))
        return ItemFacts(preview=self.picture, preview_outline=self.outline, preview_layout=layout).to_map()


def sheet_of(facts: Facts) -> Sheet | None:
    """Return the sheet that an item's facts tell of; None without one."""
    known = ItemFacts.from_map(facts)
    picture, outline = known.preview, known.preview_outline or ""
    if not picture:
        return None
    if known.preview_layout is None:
        return _strip_of_older_run(picture, known)
    width, height, right, down, columns, moments, start, moving, rate, *whole = json.loads(known.preview_layout)
    size, step, told = (width, height), (right, down), tuple(moments)
    wholes = (whole[0], whole[1]), (whole[2], whole[3])
    return Sheet(picture, outline, size, step, columns, told, start, moving, rate, *wholes)


def _strip_of_older_run(picture: str, known: ItemFacts) -> Sheet:
    """Moments alone, of frames that are not told, side by side and before above after."""
    columns, one = known.preview_columns or 0, (known.preview_width or 0, known.preview_height or 0)
    return Sheet(picture, "", one, one, columns, (-1,) * columns, 0, 0, 0.0, (0, 0), (0, 0))


def save_preview(work: Location, picture: bytes, files: Files, suffix: str = ".jpg") -> str:
    """Publish a picture below the run's folder `work` and return its name. Raises StoreError."""
    name = hashlib.sha256(picture).hexdigest() + suffix
    files.write(work / FOLDER / name, picture)
    return name


def load_preview(work: Location, name: str, files: Files) -> bytes | None:
    """Return the picture, or None when there is none of this name, or it is damaged. Raises StoreError."""
    if not _NAME.fullmatch(name):
        return None
    picture = files.read(work / FOLDER / name)
    return picture if picture is not None and hashlib.sha256(picture).hexdigest() == name[:64] else None


def kind_of(name: str) -> str:
    """Return the media type of a picture's name."""
    return _KINDS[PurePath(name).suffix]
