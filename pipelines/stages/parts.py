"""Part of a block, which is what it changed: a frame's masked pixels inside their bounding box, and nothing else.

A part is an Arrow table with one row for each frame and region: `frame`, `left`, `top`, and `rgba`, a PNG whose alpha
is 255 where a pixel was restored and 0 elsewhere; then the fields of `FrameQuality`, measured at the size that the
region was restored at. Any tool that reads Arrow and PNG can look into one.
"""

import json
import math
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reelmend.core_model.engine import WindowCount
from reelmend.core_model.quality import FrameQuality, merge
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.media.boxes import Box, bounding_box
from reelmend.pipelines.media.limits import most_pixels
from reelmend.pipelines.utils.arrow import read_arrow
from reelmend.pipelines.utils.hashing import digest_of


@dataclass(frozen=True)
class Patch:
    """Restored pixels of one frame at the source's size."""

    frame: int
    left: int
    top: int
    rgb: NDArray[np.uint8]
    """[h, w, 3]; black where `mask` is False."""
    mask: NDArray[np.bool_]
    """[h, w]"""
    quality: FrameQuality
    """Of the whole frame's hole, before any cross-fade."""


_QUALITY = [
    ("hole_px", pa.int64()),
    ("seen_px", pa.int64()),
    ("away_sum", pa.int64()),
    ("rim_mismatch", pa.float64()),
    ("flicker", pa.float64()),
]
_SCHEMA = pa.schema(
    [("frame", pa.int64()), ("left", pa.int32()), ("top", pa.int32()), ("rgba", pa.binary()), *_QUALITY]
)
_FORMAT = 2
"""Raise it when parts hold something else, so that old ones are not found: an engine's digest need not have changed."""
_SIDE = b"restored_at_side"
_WINDOWS = b"windows"
_EXITED = b"windows_exited"
_REPEATS = b"repeats"
_RECOVERY = b"recovery"
_KNOWN = (_SIDE, _WINDOWS, _EXITED)
_PNG = b"\x89PNG\r\n\x1a\n"
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def part_key(*facts: object) -> str:
    name = digest_of("part", _FORMAT, *facts)
    return f"parts/{name[:2]}/{name}"


def cut_patch(
    frame: int, rgb_HWC: NDArray[np.uint8], mask_HW: NDArray[np.bool_], quality: FrameQuality
) -> Patch | None:
    """Return the masked pixels of a whole restored frame, or None where nothing is masked."""
    box = bounding_box(mask_HW)
    if box is None:
        return None
    left, top, right, bottom = box
    mask = mask_HW[top:bottom, left:right]
    return Patch(frame, left, top, rgb_HWC[top:bottom, left:right] * mask[..., None], mask, quality)


def join_patches(patches: Sequence[Patch]) -> Patch | None:
    """Return one patch that holds those of a frame, of which no two hold the same pixel; None where there is none."""
    if len(patches) < 2:
        return patches[0] if patches else None
    left, top, right, bottom = _around(patches)
    mask = np.zeros((bottom - top, right - left), np.bool_)
    rgb = np.zeros((*mask.shape, 3), np.uint8)
    for patch in patches:
        height, width = patch.mask.shape
        x, y = patch.left - left, patch.top - top
        mask[y : y + height, x : x + width] = patch.mask
        rgb[y : y + height, x : x + width] = patch.rgb
    return Patch(patches[0].frame, left, top, rgb, mask, merge(patch.quality for patch in patches))


def _around(patches: Sequence[Patch]) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) around patches, of which there must be one."""
    left, top = min(patch.left for patch in patches), min(patch.top for patch in patches)
    right = max(patch.left + patch.mask.shape[1] for patch in patches)
    bottom = max(patch.top + patch.mask.shape[0] for patch in patches)
    return left, top, right, bottom


def _area_around(patches: Sequence[Patch]) -> int:
    left, top, right, bottom = _around(patches)
    return (right - left) * (bottom - top)


def encode_part(
    patches: Iterable[Patch],
    side: int = 0,
    windows: Sequence[WindowCount] = (),
    repeats: Sequence[tuple[int, int]] = (),
    recovery: str = "",
) -> bytes:
    """Pack patches, of which a frame may have several that share no pixel.

    `side`: the longest side they were restored at, if that is not what the job asks for. `windows`: those of the engine
    that were counted, one count per region; read when all patches have been taken. `repeats`: runs of frames [start, stop) that
    all have the patches of `start`. `recovery`: the step of recovery from an error of CUDA by which they were computed, if
    not as the job asks.
    """
    rows = [
        {"frame": p.frame, "left": p.left, "top": p.top, "rgba": _encode_png(p)} | p.quality._asdict() for p in patches
    ]
    sink = pa.BufferOutputStream()
    known: dict[bytes, int] = {_SIDE: side} if side else {}
    if windows:
        known |= {_WINDOWS: sum(count.all for count in windows), _EXITED: sum(count.exited for count in windows)}
    metadata = {name: str(value) for name, value in known.items()}
    metadata |= {_REPEATS: json.dumps(repeats)} if repeats else {}
    metadata |= {_RECOVERY: recovery} if recovery else {}
    schema = _SCHEMA.with_metadata(metadata) if metadata else _SCHEMA
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return bytes(sink.getvalue())


class Part:
    """An encoded part, opened; patches are decoded one at a time, as the stitch comes to them.

    Whatever is not a part, or not a patch, raises StoreError: the store may be another one's to write to.
    """

    def __init__(self, blob: bytes) -> None:
        try:
            table = read_arrow(blob)
            table.validate(full=True)
            metadata = table.schema.metadata or {}
            known = {name: int(value) for name, value in metadata.items() if name in _KNOWN}
            self.side = known.get(_SIDE, 0)
            """Longest side in pixels of the restoration where memory was insufficient; 0: as the job asks."""
            self.windows = WindowCount(known.get(_WINDOWS, 0), known.get(_EXITED, 0))
            """Of the engine, where they can exit early."""
            self.recovery = metadata.get(_RECOVERY, b"").decode()
            """Name of the step of recovery by which it was computed, where that was not as the job asks."""
            self._repeats = sorted((int(start), int(stop)) for start, stop in json.loads(metadata.get(_REPEATS, "[]")))
            self._table = table.select(_SCHEMA.names).cast(_SCHEMA)
            self._rows_of: dict[int, list[int]] = {}
            for row, frame in enumerate(self._table.column("frame").to_pylist()):
                self._rows_of.setdefault(frame, []).append(row)
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
            raise StoreError(f"a part cannot be read ({exc}); delete it to have it recomputed") from exc

    @property
    def frames(self) -> Iterable[int]:
        """The video's frames that it changes."""
        return self._rows_of.keys()

    def patch(self, frame: int) -> Patch | None:
        """Return the patch of video frame `frame`, or None where the part changes nothing."""
        patches: list[Patch] = []
        for row in self._rows(frame):
            patches.append(self._patch(frame, row))
            if max(sum(patch.mask.size for patch in patches), _area_around(patches)) > most_pixels():
                raise StoreError(f"the patches of frame {frame} are too large; delete its part to have it recomputed")
        return join_patches(patches)

    def _patch(self, frame: int, row: int) -> Patch:
        _, left, top, png, *measured = (column[row].as_py() for column in self._table.columns)
        bgra, quality = _decode_png(png), _quality(measured)
        if bgra is None or left is None or top is None or quality is None:
            raise StoreError(f"the patch of frame {frame} cannot be read; delete its part to have it recomputed")
        quality = self._as_repeated(frame, quality)
        return Patch(frame, left, top, np.ascontiguousarray(bgra[..., 2::-1]), bgra[..., 3] > 0, quality)

    def _rows(self, frame: int) -> list[int]:
        """Return the rows of a frame's patches: those of the first frame of its run, if it repeats that."""
        return self._rows_of.get(self._first_of_run(frame), [])

    def _first_of_run(self, frame: int) -> int:
        place = bisect_right(self._repeats, (frame, sys.maxsize)) - 1
        start, stop = self._repeats[place] if place >= 0 else (frame, frame)
        return start if frame < stop else frame

    def _as_repeated(self, frame: int, quality: FrameQuality) -> FrameQuality:
        """Return the quality of a frame by that of its run's first: from one to the next nothing changes."""
        return quality if self._first_of_run(frame) == frame else quality._replace(flicker=0.0)

    def distinct_number(self, frame: int) -> int:
        """Return a frame's number among those that repeat no other, up to a constant of the part."""
        return frame - sum(min(stop, frame + 1) - start - 1 for start, stop in self._repeats if start <= frame)

    def box(self, frame: int) -> Box | None:
        """Return (left, top, right, bottom) of a frame's patch, the last two exclusive, without decoding it."""
        boxes = [self._box(row) for row in self._rows(frame)]
        if not boxes:
            return None
        left, top, right, bottom = zip(*boxes, strict=True)
        return min(left), min(top), max(right), max(bottom)

    def _box(self, row: int) -> Box:
        left, top, png = (self._table.column(name)[row].as_py() for name in ("left", "top", "rgba"))
        width, height = _size_told(png or b"")
        return (left or 0), (top or 0), (left or 0) + width, (top or 0) + height

    def quality(self, frame: int) -> FrameQuality | None:
        """Return what was measured of a frame's holes; None as `patch` does, and for what is not a measurement."""
        rows = self._rows(frame)
        measured = [_quality([self._table.column(name)[row].as_py() for name in FrameQuality._fields]) for row in rows]
        known = [self._as_repeated(frame, quality) for quality in measured if quality is not None]
        return merge(known) if known and len(known) == len(rows) else None

    def __iter__(self) -> Iterator[Patch]:
        return (patch for frame in self._rows_of if (patch := self.patch(frame)) is not None)


def _quality(values: list[int | float | None]) -> FrameQuality | None:
    """Return None for what is not a measurement of a frame that has a hole."""
    if not all(value is not None and math.isfinite(value) and value >= 0 for value in values):
        return None
    quality = FrameQuality(*cast(list[int], values))
    return quality if 0 <= quality.seen_px <= quality.hole_px and quality.hole_px else None


def _decode_png(png: bytes | None) -> NDArray[np.uint8] | None:
    """Return blue, green, red and alpha, u8 [h, w, 4]; None for what is no such picture, or too large."""
    if not png or not _is_whole(png):
        return None
    try:
        bgra = cast(NDArray[np.uint8] | None, cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    except cv2.error:
        return None
    return bgra if bgra is not None and bgra.ndim == 3 and bgra.shape[2] == 4 and bgra.dtype == np.uint8 else None


def _is_whole(png: bytes) -> bool:
    """Whether the picture is of a size that frames may have, and no chunk of it says that it is longer than all."""
    width, height = _size_told(png)
    at, kind = len(_PNG), b""
    while png.startswith(_PNG) and at + 12 <= len(png) and kind != b"IEND":
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        at += 12 + size
    return kind == b"IEND" and at == len(png) and width * height <= most_pixels()


def _size_told(png: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG's header gives; 0 where there is none."""
    width, height = struct.unpack(">II", png[16:24].ljust(8, b"\0"))
    return width, height


def _encode_png(patch: Patch) -> bytes:
    alpha = patch.mask.astype(np.uint8) * 255
    bgra = np.dstack([patch.rgb[..., ::-1], alpha])
    return cv2.imencode(".png", bgra, _FAST_PNG)[1].tobytes()
