"""Digests of a copied input's files, and their state on the disk when the copy was made.

A copy that looks as it did is taken as it is; one that does not is read again, and replaced where its content differs.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

_PIECE_BYTES = 1 << 20  # read and digested at once, so that a file of any size takes no more memory


def record_copy(content: Path, record: Path) -> None:
    """Write down what the files below `content` hold."""
    files = {name: [*_looks(path), _digest(path)] for name, path in _files(content).items()}
    record.write_text(json.dumps(files))


def is_as_made(content: Path, record: Path) -> bool:
    """Whether a copy holds what it did. Raises OSError where that cannot be found out."""
    try:
        made: dict[str, list[Any]] = json.loads(record.read_text())
        files = _files(content)
        return files.keys() == made.keys() and all(_same(path, *made[name]) for name, path in files.items())
    except (FileNotFoundError, ValueError, TypeError):
        return False


def _same(path: Path, size: int, modified_ns: int, inode: int, digest: str) -> bool:
    looks = _looks(path)
    return looks == (size, modified_ns, inode) or (looks[0] == size and _digest(path) == digest)


def _files(content: Path) -> dict[str, Path]:
    return {path.relative_to(content).as_posix(): path for path in sorted(content.rglob("*")) if not path.is_dir()}


def _looks(path: Path) -> tuple[int, int, int]:
    told = path.lstat()
    return told.st_size, told.st_mtime_ns, told.st_ino


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            total.update(piece)
    return total.hexdigest()
