"""The pictures of an item that a person looks at: where they lie, and what lies where on them.

They are in one folder beside the run's report, as plain JPEG and PNG. They are read by browsers, from a disk too, so
they carry no header of ours: the name is the digest of the bytes. Who reads one through this module gets what was
written or nothing, and a name can lead nowhere else.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from pipelines.stores.files import Files
from pipelines.stores.location import Location

FOLDER = "report/previews"
"""Below the run's own folder, and below the page that shows them."""

_NAME = re.compile(r"[0-9a-f]{64}\.(jpg|png)")
_KINDS = {".jpg": "image/jpeg", ".png": "image/png"}

Facts = Mapping[str, str | int | float]


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
    """Frames a second of the video."""
    whole: tuple[int, int]
    """Width and height of a whole; 0 where there are none."""
    whole_step: tuple[int, int]

    def facts(self) -> dict[str, str | int | float]:
        """Return the figures of the ledger that `sheet_of` reads."""
        return {
            "preview": self.picture,
            "preview_outline": self.outline,
            "preview_columns": self.columns,
            "preview_width": self.size[0],
            "preview_height": self.size[1],
            "preview_step": _pair(self.step),
            "preview_moments": " ".join(map(str, self.moments)),
            "preview_start": self.start,
            "preview_moving": self.moving,
            "preview_rate": self.rate,
            "preview_whole": _pair(self.whole),
            "preview_whole_step": _pair(self.whole_step),
        }


def sheet_of(facts: Facts) -> Sheet | None:
    """Return the sheet that an item's facts tell of; None without one. Older runs made strips of moments alone."""
    if not facts.get("preview"):
        return None
    columns, width, height = (int(facts[f"preview_{name}"]) for name in ("columns", "width", "height"))
    moments = str(facts.get("preview_moments", " ".join(["-1"] * columns)))
    return Sheet(
        picture=str(facts["preview"]),
        outline=str(facts.get("preview_outline", "")),
        size=(width, height),
        step=_unpaired(facts.get("preview_step", _pair((width, height)))),
        columns=columns,
        moments=tuple(map(int, moments.split())),
        start=int(facts.get("preview_start", 0)),
        moving=int(facts.get("preview_moving", 0)),
        rate=float(facts.get("preview_rate", 0)),
        whole=_unpaired(facts.get("preview_whole", "0x0")),
        whole_step=_unpaired(facts.get("preview_whole_step", "0x0")),
    )


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


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}"


def _unpaired(text: str | int | float) -> tuple[int, int]:
    first, second = str(text).split("x")
    return int(first), int(second)
