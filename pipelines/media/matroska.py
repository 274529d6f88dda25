"""Sample aspect ratio in Matroska files, which PyAV cannot pass to the muxer.

The muxer writes `DisplayUnit: unknown` for the video track and leaves a few bytes of padding (Void) behind it. Both
together have room for DisplayWidth and DisplayHeight, so the track's entry is rewritten in place: nothing after it
moves. Element numbers and the CRC rule are those of RFC 9559 (Matroska) and RFC 8794 (EBML).
"""

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

SEGMENT, TRACKS, ENTRY, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
_VOID, _CRC = 0xEC, 0xBF
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_SHOWN = (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)
_HEAD_BYTES = 1 << 20


class Element(NamedTuple):
    """Offsets of an element: its number, where it and its content start, where both end."""

    number: int
    start: int
    content: int
    end: int


def set_display_aspect(path: Path, width: int, height: int, sample_aspect: Fraction) -> bool:
    """Write the shown size of the first video track; False when its entry has no room for it."""
    with path.open("r+b") as file:
        head = bytearray(file.read(_HEAD_BYTES))
        segment = find_child(head, Element(0, 0, 0, len(head)), SEGMENT)
        tracks = find_child(head, Element(0, 0, segment.content, len(head)), TRACKS)
        entry = next(
            entry
            for entry in children(head, tracks)
            if entry.number == ENTRY and any(child.number == VIDEO for child in children(head, entry))
        )
        content = _with_shown_size(head, entry, round(width * sample_aspect), height)
        if content is None:
            return False
        head[entry.content : entry.end] = content
        first = next(children(head, tracks))
        if first.number == _CRC:
            head[first.content : first.end] = zlib.crc32(head[first.end : tracks.end]).to_bytes(4, "little")
        file.seek(0)
        file.write(head)
    return True


def _with_shown_size(head: bytearray, entry: Element, shown_width: int, shown_height: int) -> bytes | None:
    """Return the entry's content with the shown size in it, exactly as long as it was; None without enough padding."""
    parts = b""
    for part in children(head, entry):
        if part.number == VIDEO:
            kept = [head[child.start : child.end] for child in children(head, part) if child.number not in _SHOWN]
            shown = [_encoded(_DISPLAY_WIDTH, shown_width), _encoded(_DISPLAY_HEIGHT, shown_height)]
            content = b"".join([*kept, *shown])
            parts += bytes([VIDEO]) + _length(len(content)) + content
        elif part.number != _VOID:
            parts += head[part.start : part.end]
    padding = entry.end - entry.content - len(parts)
    if padding < 2:
        return None
    empty = padding - 2 if padding < 128 else padding - 9
    return parts + bytes([_VOID]) + _length(empty) + bytes(empty)


def _encoded(number: int, value: int) -> bytes:
    content = value.to_bytes(4, "big").lstrip(b"\0")
    return number.to_bytes(2, "big") + _length(len(content)) + content


def _length(size: int) -> bytes:
    return bytes([0x80 | size]) if size < 127 else b"\x01" + size.to_bytes(7, "big")


def find_child(head: bytearray, parent: Element, wanted: int) -> Element:
    return next(child for child in children(head, parent) if child.number == wanted)


def children(head: bytearray, parent: Element) -> Iterator[Element]:
    at = parent.content
    while at < parent.end:
        start = at
        length = 9 - head[at].bit_length()
        number = int.from_bytes(head[at : at + length], "big")
        at += length
        length = 9 - head[at].bit_length()
        size = int.from_bytes(head[at : at + length], "big") & ((1 << 7 * length) - 1)
        at += length
        yield Element(number, start, at, at + size)
        at += size
