"""How is a file made hostile? Bytes of a good one changed, or text of the right shape with values nobody writes."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from reelmend.pipelines.config import JobConfig

_PNG = b"\x89PNG\r\n\x1a\n"
_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 60_000, 10**9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to six things wrong with them, half of them near the beginning or the end."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if changed:
            rng.choice(_EDITS)(changed, _place(changed, rng), rng)
    return _with_checksums(bytes(changed)) if changed.startswith(_PNG) and rng.random() < 0.8 else bytes(changed)


def _with_checksums(png: bytes) -> bytes:
    """Return the PNG with the checksum of each chunk right again: else nobody looks any further."""
    mended, at = bytearray(png[: len(_PNG)]), len(_PNG)
    while at + 12 <= len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        body = png[at + 4 : at + 8 + size]
        mended += png[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + size
    return bytes(mended)


def _place(data: bytearray, rng: random.Random) -> int:
    edge = min(1500, len(data))
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randrange(edge)
    if kind == 1:
        return len(data) - 1 - rng.randrange(edge)
    return rng.randrange(len(data))


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, at: int, rng: random.Random) -> None:
    """A number of the header: large, zero, negative, in either order of bytes."""
    form = rng.choice(("<I", ">I", "<Q", ">Q", ">d"))
    value = float(rng.choice(_EXTREMES)) if form == ">d" else rng.choice(_EXTREMES)
    number = struct.pack(form, value)
    data[at : at + len(number)] = number


def _cut(data: bytearray, at: int, rng: random.Random) -> None:
    del data[max(1, at) :]


def _remove(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.randint(1, 64)]


def _insert(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(rng.randint(1, 64))


def _repeat(data: bytearray, at: int, rng: random.Random) -> None:
    piece = data[at : at + rng.randint(8, 512)]
    data[at:at] = piece * rng.randint(1, 20)


def _splice(data: bytearray, at: int, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randint(4, 256)]
    data[at : at + len(piece)] = piece


def _noise(data: bytearray, at: int, rng: random.Random) -> None:
    size = min(rng.randint(4, 200), len(data) - at)
    data[at : at + size] = rng.randbytes(size)


_EDITS: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _flip, _flip, _overwrite, _overwrite, _overwrite, _cut, _remove, _insert, _repeat, _splice, _noise
)  # fmt: skip


# --- text of the right shape -----------------------------------------------------------------------------------------

_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 10**9, 10**30, -(10**400), 0.0, -0.5, 1e308, float("inf"), float("nan"), "", " ", "a", "0x_",
    "\0", "\ud800", "\x1b[31m", "a\nb", "../../x", "/etc/passwd", "~", "_reelmend/config.yaml", "a" * 300, "b/" * 3000,
    "http://127.0.0.1:1/x", "s3://b/../x", "s3://k:s@b/x", "s3://", "file://host/x", "concat:a|b", "%2e%2e/y",
    "${out}", "${oc.env:HOME}", "${", "*a", "&a [*a]", "!!python/object/apply:os.system [x]", "2001-99-99", "1:60", "[",
    "{stem}", "{0.__class__}", "{", "**/*", "[!", "-x", "mask.dilation=5", "out=/x s3.endpoint=http://x", "plan=1",
    [], [None], ["a", 1], {}, {"a": 1}, {"mask.dilation": None}, [["a"]], "ffv1", "inline", "outpaint", "fp32",
)  # fmt: skip


def value(rng: random.Random, depth: int = 0) -> Any:
    """Return something that a key may be given, and should not."""
    if depth < 4 and rng.random() < 0.1:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if depth < 4 and rng.random() < 0.1:
        return {str(value(rng, 4)): value(rng, depth + 1) for _ in range(rng.randrange(4))}
    return rng.choice(_VALUES)


def job_text(rng: random.Random) -> bytes:
    """Return a job file: known keys, half of them with values of the right type, and some that are none."""
    tree: dict[object, Any] = {}
    for _ in range(rng.randint(1, 8)):
        key = rng.choice([*_DEFAULTS])
        section, _, name = key.partition(".")
        if name:
            below = tree.setdefault(section, {})
            if isinstance(below, dict):
                below[name] = _setting(key, rng)
        else:
            tree[section] = _setting(key, rng)
    if rng.random() < 0.2:
        tree[rng.choice((None, 1, 0.5, "stich", "a.b", "", True))] = value(rng)
    return yaml.dump(tree, allow_unicode=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _setting(key: str, rng: random.Random) -> Any:
    return _DEFAULTS[key] if rng.random() < 0.7 else value(rng)


def override_text(rng: random.Random) -> bytes:
    keys = rng.choices([*_DEFAULTS], k=rng.randint(1, 3))
    words = [f"{key}{rng.choice(('=',) * 9 + ('', '.x=', '==', '[0]='))}{_setting(key, rng)}" for key in keys]
    return "\n".join(words).encode("utf-8", "surrogatepass")


def rows(rng: random.Random) -> list[dict[str, Any]]:
    """Return rows of a manifest."""
    columns = ["video", "mask", *rng.sample(_COLUMNS, rng.randint(0, len(_COLUMNS)))]
    return [{column: _cell(column, rng) for column in columns} for _ in range(rng.randint(1, 5))]


def jsonl_text(rng: random.Random) -> bytes:
    lines = [json.dumps(row) if rng.random() < 0.9 else rng.choice(_LINES) for row in rows(rng)]
    return "\n".join(lines).encode()


def csv_text(rng: random.Random) -> bytes:
    table = rows(rng)
    lines = [",".join(table[0]), *(",".join(_quoted(cell, rng) for cell in row.values()) for row in table)]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def parquet_bytes(rng: random.Random) -> bytes:
    """Return a table whose columns are of the first type that takes their values."""
    table = rows(rng)
    columns = {}
    for name in table[0]:
        cells = [row[name] for row in table]
        try:
            columns[name] = pa.array(cells)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            columns[name] = pa.array([str(cell).encode("utf-8", "replace").decode() for cell in cells])
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(pa.table(columns), sink, compression=rng.choice(("snappy", "zstd", "none")))
    except pa.ArrowException:  # a type that Parquet has not
        return b"PAR1"
    return bytes(sink.getvalue())


_COLUMNS = ["output", "frames", "width", "height", "fps", "overrides", "ouput", "x"]
_LINES = ("[" * 5000, "{", "1", "null", '{"video": 1' + "0" * 5000 + "}", '"' + "a" * 10_000)


def _cell(column: str, rng: random.Random) -> Any:
    if rng.random() < 0.4:
        usual = {"frames": 30, "width": 96, "height": 64, "fps": 25.0, "overrides": "mask.dilation=2"}
        return usual.get(column, "a.mp4")
    if column == "overrides" and rng.random() < 0.5:
        return override_text(rng).decode("utf-8", "replace").split("\n")
    return value(rng)


def _quoted(cell: Any, rng: random.Random) -> str:
    text = "" if cell is None else str(cell)
    return '"' + text.replace('"', '""') + '"' if rng.random() < 0.7 else text


def _defaults(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return every setting of a job by its dotted key."""
    found: dict[str, Any] = {}
    for name, below in vars(tree).items():
        is_section = hasattr(below, "__dataclass_fields__")
        found |= _defaults(below, f"{prefix}{name}.") if is_section else {f"{prefix}{name}": _plain(below)}
    return found


def _plain(setting: Any) -> Any:
    """An enum is text in a file."""
    return str(setting) if isinstance(setting, str) else setting


_DEFAULTS = _defaults(JobConfig())


_PIECES = (
    *(b"a", b"clip", b"\xc3\xa9", b"e\xcc\x81", b" ", b".", b"-", b"[1]", b"*", b"{stem}", b"%02d", b"~", b"$HOME"),
    *(
        b"\n",
        b"\r",
        b"\t",
        b"\x1b[2J",
        b"\x7f",
        b"\xc2\x9b",
        b"\xc2\x85",
        b"\xff",
        b"\xed\xa0\x80",
    ),  # acting, and no UTF-8
    *(b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"_reelmend", b".reelmend-partial-"),
)


def names(rng: random.Random) -> bytes:
    """Names for files, a NUL between them."""
    return b"\0".join(
        b"".join(rng.choice(_PIECES) for _ in range(rng.choice((1, 2, 5, 60)))) for _ in range(rng.randint(1, 12))
    )
