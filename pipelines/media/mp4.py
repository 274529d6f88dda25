"""Number of samples in an MP4's index, before FFmpeg allocates memory for them.

A table with one entry a sample is as long as what it costs. But an index may say "ten million samples of one byte" in
a dozen bytes, and FFmpeg makes 60 bytes of each. Far more samples than the file has bytes are a lie.
Boxes and their numbers: ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.limits import refuse_overtime

_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx"}
"""Boxes with which such a file begins."""
_FOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
"""Boxes that hold others, on the way to the counts."""
_COUNT_AT = {b"stsz": 8, b"stz2": 8, b"stts": 8, b"trun": 4}
"""Where in the box, behind its header, a number of samples stands; in `stts` that of the first run of them."""
_DEEPEST = 8
_SAMPLES_A_BYTE = 8
"""Of the densest sound, whose index counts what comes out of it, not what is in the file (six to one)."""


class _Box(NamedTuple):
    kind: bytes
    content: int
    end: int


def refuse_lying_index(path: Path, file: BinaryIO, *, fragments: bool) -> None:
    """Raise MediaError for an index of more samples than the file can hold; `fragments`: look into those as well.

    Whatever is no MP4 is left to FFmpeg. The file is left at its beginning.
    """
    size = file.seek(0, 2)
    try:
        for box in _boxes(file, 0, size):
            if box.content <= 16 and box.kind not in _FIRST:
                return
            refuse_overtime(path)
            if box.kind == b"moov" or (box.kind == b"moof" and fragments):
                _look_into(path, file, box, size, _DEEPEST)
            if box.kind == b"moov" and not fragments:
                return
    finally:
        file.seek(0)


def _look_into(path: Path, file: BinaryIO, folder: _Box, size: int, levels: int) -> None:
    for box in _boxes(file, folder.content, folder.end):
        if box.kind in _FOLDERS and levels:
            _look_into(path, file, box, size, levels - 1)
        elif box.kind in _COUNT_AT:
            file.seek(box.content + _COUNT_AT[box.kind])
            count = int.from_bytes(file.read(4), "big")
            if count > size * _SAMPLES_A_BYTE:
                raise MediaError(f"{path}: its index lists {count} samples, but the file has only {size} bytes")


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[_Box]:
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head[:8])
        content = at + 8
        if length == 1 and len(head) == 16:
            length, content = int.from_bytes(head[8:], "big"), at + 16
        stop = end if length == 0 else at + length
        if stop < content:
            return
        yield _Box(kind, content, min(stop, end))
        at = stop
