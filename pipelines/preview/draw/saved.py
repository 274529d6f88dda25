"""Saving of a drawing: its mask expression, an image of what was painted, and the command that uses them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.media.masks.expression import FILE, is_expression, read_expression
from reelmend.pipelines.preview.draw.drawing import BadDrawing, Drawing, Range
from reelmend.pipelines.preview.draw.paint import painted

SUFFIX = ".png"
_NOT_IN_PATTERNS = re.compile(r"[*{}]|\s+[+&-]\s+")
"""What a mask rule or a mask expression reads as more than a name."""


@dataclass(frozen=True)
class Saved:
    """What came of a drawing."""

    expression: str
    command: str
    """The one to run, as typed in a shell."""
    image: str
    """The PNG that was written; empty where nothing is painted."""


def default_image(video: str) -> str:
    """Return the name of the image of a video, in the current folder."""
    return _NOT_IN_PATTERNS.sub("_", f"{Path(video).stem}_mask{SUFFIX}")


def refuse_image(path: str, *, replace: bool) -> None:
    """Raise ConfigError for a path at which no image can be written, or which no mask expression can name."""
    place = Path(path)
    if place.suffix.lower() != SUFFIX:
        raise ConfigError(f"--out {path}: painted masks are written as PNG; use a name that ends in {SUFFIX}")
    if _NOT_IN_PATTERNS.search(path) or read_expression(_term(path, (0, 1))).file != path:
        raise ConfigError(f"--out {path}: a mask expression cannot name this path; leave out {{ }} * and signs")
    if not place.parent.is_dir():
        raise ConfigError(f"--out {path}: the folder {place.parent} does not exist; create it first")
    if place.exists() and not replace:
        raise ConfigError(f"--out {path}: already exists; choose another --out, or replace it with --force")


def save(drawing: Drawing, video: str, image: str, size: tuple[int, int]) -> Saved:
    """Write what was painted on a video of the size (width, height) to `image`, and return the expression.

    Raises BadDrawing where nothing is marked or the image cannot be written.
    """
    paint = painted(drawing.strokes, size)
    terms = [str(shape) for shape in drawing.shapes]
    if paint.any():
        terms.insert(0, _term(image, drawing.painted))
    if not terms:
        raise BadDrawing("nothing is marked yet; draw a box or a polygon, or paint")
    expression = " + ".join(terms)
    if is_expression(expression):
        read_expression(expression)
    if paint.any():
        _write(Path(image), paint)
    words = ["reelmend", "run", "--videos", video, "--masks", expression, "--out", "out"]
    return Saved(expression, shlex.join(words), image if paint.any() else "")


def _term(image: str, within: Range | None) -> str:
    if within:
        return f"{FILE}:{image}@{within[0]}:{within[1]}"
    return f"{FILE}:{image}" if is_expression(image) else image


def _write(path: Path, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> None:
    """The image appears in one step: white is missing."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(cv2.imencode(SUFFIX, mask.astype(np.uint8) * 255)[1].tobytes())
        part.replace(path)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise BadDrawing(f"{path}: cannot be written: {exc.strerror or exc}") from exc
