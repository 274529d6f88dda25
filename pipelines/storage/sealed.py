"""Checksums inside JSON: of an object as its own field, of a log line by line.

What is sealed stays JSON that any tool reads. Seals find damage, not forgery.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

_SEAL, _SUM, _END = "sha256", "sum", "end"
_LINE = re.compile(rb'(\{.*), "sum": "([0-9a-f]{8})"\}')


def seal(value: dict[str, Any]) -> dict[str, Any]:
    """Return the object with a digest of itself."""
    return {**value, _SEAL: _digest(value)}


def unseal(value: Any) -> dict[str, Any]:
    """Return what was sealed. Raises ValueError for all else."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    said = {name: part for name, part in value.items() if name != _SEAL}
    if value.get(_SEAL) != _digest(said):
        raise ValueError("it does not match its checksum")
    return said


def _digest(value: dict[str, Any]) -> str:
    """Of the object as JSON gives it back: tuples are lists there."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seal_lines(lines: Sequence[str]) -> bytes:
    """Return JSON objects, one per line, each with its checksum, and a last line that says how many there are."""
    last = json.dumps({"what": _END, "lines": len(lines)})
    return b"".join(_sealed_line(line.encode("utf-8", "backslashreplace")) for line in (*lines, last))


def unseal_lines(content: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the objects that are as they were written, and whether these are all of them."""
    found = [value for line in content.split(b"\n") if (value := _unsealed_line(line)) is not None]
    whole = bool(found) and found[-1] == {"what": _END, "lines": len(found) - 1}
    whole = whole and content.count(b"\n") == len(found) and content.endswith(b"\n")
    return [value for value in found if value.get("what") != _END], whole


def _sealed_line(line: bytes) -> bytes:
    return line[:-1] + b', "%b": "%08x"}\n' % (_SUM.encode(), zlib.crc32(line))


def _unsealed_line(line: bytes) -> dict[str, Any] | None:
    found = _LINE.fullmatch(line)
    if found is None or zlib.crc32(found[1] + b"}") != int(found[2], 16):
        return None
    value: dict[str, Any] = json.loads(found[1] + b"}")
    return value
