"""Masks that a run has made: a bit a pixel, one row for each run of equal masks, as an Arrow file
after a head in JSON.

Frames are numbered from the video's first; masks are at the size of the picture as a player turns it.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
U8 = NDArray[np.uint8]
Size = tuple[int, int]
"""(width, height)"""

MADE_FORMAT = 1
_BATCH_BYTES = 16 * 2**20
"""Of bits, before compression: what is decoded at once."""
_LENGTH_BYTES = 8
"""Of the head's length, before it."""
_SCHEMA = pa.schema([("start", pa.int64()), ("bits", pa.binary())])


@dataclass(frozen=True, eq=False)
class MadeMask:
    """The masks of all frames of a video."""

    name: str
    """The expression that it was made by; what messages call it."""
    size: Size
    frames: int
    digest: str
    """Of its masks, however they are stored."""
    notes: tuple[str, ...]
    """What its sources had to say."""
    starts: tuple[int, ...]
    """First frame of each run of equal masks."""
    blob: bytes
    """The Arrow file."""

    def __str__(self) -> str:
        return self.name

    def levels_from(self, start: int, stop: int) -> Iterator[U8 | None]:
        """Yield levels u8 [H, W], 0 or 255, of frames [start, stop); None where nothing is masked. Equal ones are one
        array."""
        first = max(0, bisect_right(self.starts, start) - 1)
        runs = self._runs(first)
        frame = start
        for number in range(first, len(self.starts)):
            if frame >= stop:
                return
            bits = next(runs)
            end = self.starts[number + 1] if number + 1 < len(self.starts) else self.frames
            levels = None if bits is None else _levels(bits, self.size)
            for _ in range(frame, min(end, stop)):
                yield levels
            frame = max(frame, min(end, stop))

    def _runs(self, first: int) -> Iterator[bytes | None]:
        """Yield the bits of each run from number `first` on."""
        with pa.ipc.open_file(pa.BufferReader(self.blob)) as file:
            passed = 0
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                rows = range(max(0, first - passed), batch.num_rows)
                passed += batch.num_rows
                column = batch.column(1)
                yield from (column[row].as_py() for row in rows)


def pack(masks: Iterable[Bool], size: Size, frames: int, name: str, notes: Iterable[str] = ()) -> bytes:
    """Return the masks of `frames` frames, each bool [H, W] of the size (width, height), as bytes for `unpack`.

    `notes` is read when all masks are. Raises ValueError where their number or a shape is another.
    """
    width, height = size
    batch_rows = max(1, _BATCH_BYTES // max(1, width * height // 8))
    total = hashlib.sha256(f"{MADE_FORMAT} {size} {frames}".encode())
    starts: list[int] = []
    waiting: list[tuple[int, bytes | None]] = []
    previous: tuple[Bool, bytes | None] | None = None
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")

    def write(file: pa.RecordBatchFileWriter) -> None:
        columns = [pa.array([start for start, _ in waiting]), pa.array([bits for _, bits in waiting], pa.binary())]
        file.write_batch(pa.record_batch(columns, schema=_SCHEMA))
        waiting.clear()

    count = 0
    with pa.ipc.new_file(sink, _SCHEMA, options=options) as file:
        for mask in masks:
            if mask.shape != (height, width):
                raise ValueError(f"the mask of frame {count} is {[*mask.shape]}, not {[height, width]}")
            if previous is None or mask is not previous[0]:
                bits = np.packbits(mask).tobytes() if mask.any() else None
                if previous is None or bits != previous[1]:
                    total.update(f"\n{count} ".encode() + (bits or b""))
                    starts.append(count)
                    waiting.append((count, bits))
                previous = mask, bits
            count += 1
            if len(waiting) >= batch_rows:
                write(file)
        if waiting:
            write(file)
    if count != frames:
        raise ValueError(f"{count} masks for {frames} frames")
    facts = {
        "name": name,
        "size": size,
        "frames": frames,
        "digest": total.hexdigest()[:32],
        "notes": [*dict.fromkeys(notes)],
        "starts": starts,
    }
    head = json.dumps(facts).encode()
    body: bytes = sink.getvalue().to_pybytes()
    return len(head).to_bytes(_LENGTH_BYTES, "little") + head + body


def unpack(blob: bytes) -> MadeMask:
    """Return what `pack` has packed."""
    cut = _LENGTH_BYTES + int.from_bytes(blob[:_LENGTH_BYTES], "little")
    facts = json.loads(blob[_LENGTH_BYTES:cut])
    return MadeMask(
        name=facts["name"],
        size=tuple(facts["size"]),
        frames=facts["frames"],
        digest=facts["digest"],
        notes=tuple(facts["notes"]),
        starts=tuple(facts["starts"]),
        blob=blob[cut:],
    )


def _levels(bits: bytes, size: Size) -> U8:
    width, height = size
    values = np.unpackbits(np.frombuffer(bits, np.uint8), count=width * height).reshape(height, width)
    return np.asarray(values * np.uint8(255), np.uint8)
