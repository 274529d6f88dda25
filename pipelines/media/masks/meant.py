"""Suggestions for a mask that does not exist: a box without its word, a source by another name."""

import difflib
import re

from reelmend.pipelines.media.masks.drawn import SHAPES
from reelmend.pipelines.media.masks.sources.registry import source_names

_NUMBERS = re.compile(r"[\d.]+%?(\s*[, ]\s*[\d.]+%?){3}")
_NUMBER = re.compile(r"[\d.]+%?")
_RANGE = re.compile(r"(.+\.\w+)@[\d.]*\w*:[\d.]*\w*")
_OTHER_NAMES = {
    "subtitles": "text", "subtitle": "text", "captions": "text", "ocr": "text", "txt": "text",
    "logo": "overlay", "watermark": "overlay", "bug": "overlay",
    "scratches": "damage", "scratch": "damage", "dust": "damage",
    "object": "track", "person": "track", "follow": "track", "click": "points",
    "rect": "box", "rectangle": "box", "boxes": "box", "crop": "box", "poly": "polygon",
}  # fmt: skip


def meant_by(name: str) -> str:
    """Return `did you mean ...? ` for the name of a mask that does not exist; empty where nothing is near."""
    found = _near(name.strip())
    return f"did you mean {found}? " if found else ""


def _near(name: str) -> str:
    if _NUMBERS.fullmatch(name):
        return "box:" + ",".join(_NUMBER.findall(name))
    if _RANGE.fullmatch(name):
        return f"file:{name}"
    word = re.match(r"[A-Za-z_]+(?=$|[\s:@+-])", name)
    if word is None:
        return ""
    known = (*source_names(), *SHAPES)
    spoken = word[0].lower()
    near = [spoken] if spoken in known else difflib.get_close_matches(spoken, known, n=1, cutoff=0.7)
    return _OTHER_NAMES.get(spoken) or (near[0] if near else "")
