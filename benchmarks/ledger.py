"""Cost of a ledger of a million items: writing, changing a row, reading, catching up.

    python -m benchmarks.ledger --items 1000000

Rows have the facts of a real run. Measured in one process, on the disk.
"""

import argparse
import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reelmend.pipelines.run.ledger_recorder import CHECKPOINT_S, LedgerRecorder
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import FileLease, Holder
from reelmend.pipelines.storage.ledger import ItemRow, ItemState, LedgerView
from reelmend.pipelines.storage.ledger.write import read_outcomes

_DIGESTS = ("video_digest", "mask_digest", "item_key", "output_mark", "video_mark", "mask_mark", "preview")
_FACTS: dict[str, str | int | float] = {
    "frames": 250,
    "width": 1920,
    "height": 1080,
    "masked_fraction": 0.01,
    "shots": 3,
    "codec": "h264",
}
CHANGES = 10_000
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    items = parser.parse_args().items
    print(f"{os.cpu_count()} cores, {items} items")
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder) / "ledger", items)


def _measure(place: Path, items: int) -> None:
    files = Files()
    rows = {row.id: row for row in map(_row, range(items))}
    print(f"rows in memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    lease = FileLease(place / "lease.json", Holder.this_process("first"))
    jumps = [0.0]
    keeper = LedgerRecorder(place, files, lease, "first", elapsed=lambda: time.monotonic() + jumps[0])
    _timed("take over: every part is written", lambda: keeper.begin(rows, {}))
    size = sum(path.stat().st_size for path in place.rglob("*.parquet"))
    print(f"  {len(list(place.rglob('*.parquet')))} parts, {size / 1e6:.0f} MB, {size / items:.0f} bytes an item")
    first = [row for row, _ in zip(rows.values(), range(CHANGES), strict=False)]
    _timed(f"{CHANGES} changes, as events", lambda: _change(first, keeper))
    view = _timed("read all of it", lambda: LedgerView(place, files))
    jumps[0] += CHECKPOINT_S
    _timed(f"one more change, and {-(-CHANGES // 5000)} parts catch up", lambda: keeper.change(first[0], None))
    _timed("catch up with what is new", view.refresh)
    _timed("how each item ended (what --only-new asks)", lambda: read_outcomes(place, files))
    keeper.close(halted="")


def _change(rows: list[ItemRow], keeper: LedgerRecorder) -> None:
    for row in rows:
        row.state, row.ended_at = ItemState.QUARANTINED, time.time()
        keeper.change(row, None)


def _row(number: int) -> ItemRow:
    digests = {name: hashlib.sha256(f"{name}{number}".encode()).hexdigest() for name in _DIGESTS}
    name = f"clips/{number:07d}"
    seconds = {"probe": 0.5, "flow": 4.25, "inpaint": 20.125, "stitch": 1.5}
    video, output = f"s3://footage/in/{name}.mp4", f"s3://footage/out/{name}.mp4"
    return ItemRow(
        name, video, "masks/logo.png", output, ItemState.RESTORED, seconds=seconds, facts={**digests, **_FACTS}
    )


def _timed(what: str, do: Callable[[], T]) -> T:
    began, worked = time.monotonic(), time.process_time()
    result = do()
    print(f"{what}: {time.monotonic() - began:.2f} s, {time.process_time() - worked:.2f} s of the processor's")
    return result


if __name__ == "__main__":
    main()
