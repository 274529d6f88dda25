"""The numbers in the names of a folder's images, and those that are missing between them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

_SHOWN = 5


def gaps_between(images: Sequence[Path]) -> list[str]:
    """Return one line where numbers are missing between the first and the last image, none where all are there."""
    numbers = [number_of(image) for image in images]
    known = [number for number in numbers if number is not None]
    if len(known) < len(images) or any(right <= left for left, right in pairwise(known)):
        return []
    steps = [right - left for left, right in pairwise(known)]
    usual = min(steps, default=1)
    missing = [(left, right) for left, right in pairwise(known) if right - left > usual]
    if not missing or 2 * len(missing) > len(steps):  # every other one: that is how they are numbered
        return []
    count = sum((right - left) // usual - 1 for left, right in missing)
    places = ", ".join(_said(left + usual, right - usual) for left, right in missing[:_SHOWN])
    more = "" if len(missing) <= _SHOWN else " and others"
    return [
        f"the numbering of its images has gaps ({places}{more}; {count} missing in all), so it is shorter by that number of frames"
    ]


def number_of(image: Path) -> int | None:
    """Return the number at the end of an image's name."""
    found = re.search(r"(\d+)$", image.stem)
    return int(found[1]) if found else None


def _said(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
