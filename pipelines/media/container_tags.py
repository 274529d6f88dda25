"""Tags of a container that PyAV does not pass on: the crop of Matroska and of MP4."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reelmend.pipelines.media.matroska import ENTRY, SEGMENT, TRACKS, VIDEO, Element, children, find_child

_CROPS = {0x54BB: "top", 0x54AA: "bottom", 0x54CC: "left", 0x54DD: "right"}
"""PixelCropTop and so on (RFC 9559)."""
_HEAD_BYTES = 1 << 20
_MOOV_BYTES = 64 << 20
_EBML = b"\x1a\x45\xdf\xa3"


def container_remarks(path: Path, size: tuple[int, int]) -> tuple[str, ...]:
    """Return, a line each, what of such tags no output keeps of a picture of `size` = (width, height)."""
    if not path.is_file():
        return ()
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        try:
            crop = _matroska_crop(file) if head[:4] == _EBML else _mp4_crop(file, size) if head[4:8] == b"ftyp" else ""
        except (IndexError, StopIteration, ValueError, struct.error):  # damage is for the decoder to find
            crop = ""
    if not crop:
        return ()
    return (f"the container crops the picture ({crop}): that is not carried over, the whole picture is shown",)


def _matroska_crop(file: BinaryIO) -> str:
    head = bytearray(file.read(_HEAD_BYTES))
    segment = find_child(head, Element(0, 0, 0, len(head)), SEGMENT)
    tracks = find_child(head, Element(0, 0, segment.content, len(head)), TRACKS)
    for entry in children(head, tracks):
        for part in children(head, entry) if entry.number == ENTRY else ():
            if part.number == VIDEO:
                cut = {
                    _CROPS[each.number]: int.from_bytes(head[each.content : each.end], "big")
                    for each in children(head, part)
                    if each.number in _CROPS
                }
                if any(cut.values()):
                    return ", ".join(f"{pixels} px at the {side}" for side, pixels in cut.items() if pixels)
    return ""


def _mp4_crop(file: BinaryIO, size: tuple[int, int]) -> str:
    """Return the clean aperture of the first track that has one smaller than its picture."""
    for kind, content, end in _boxes(file, 0, file.seek(0, 2)):
        if kind != b"moov" or end - content > _MOOV_BYTES:
            continue
        file.seek(content)
        moov = file.read(end - content)
        at = moov.find(b"clap")
        if at < 4:
            return ""
        width, width_n, height, height_n = struct.unpack_from(">4I", moov, at + 4)
        if width_n and height_n and (width / width_n, height / height_n) != size:
            return f"to {width / width_n:g}x{height / height_n:g} pixels"
    return ""


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        length, kind = struct.unpack(">I4s", head[:8])
        content = at + 8
        if length == 1 and len(head) == 16:
            length, content = int.from_bytes(head[8:], "big"), at + 16
        stop = end if length == 0 else at + length
        if stop < content:
            return
        yield kind, content, min(stop, end)
        at = stop
