"""Folder of weights on this machine, and the record of each file.

`digests.json` beside the files holds one record a file. Other processes may pull or look at the same time, on other
machines too if the folder is shared: a record is added under a lock, and readers see the old file or the new one.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.storage.local_files import write_atomically
from reelmend.pipelines.utils.locks import lock

FOLDER_VARIABLE = "REELMEND_WEIGHTS"
RECORDS = "digests.json"
BY_HAND = "put into the folder by hand"


@dataclass(frozen=True)
class Record:
    """What is remembered of a file; size and time tell whether it must be hashed again."""

    sha256: str
    size: int
    """Bytes."""
    mtime_ns: int
    accepted_licence: str
    """Empty for a file that was put into the folder by hand: its record only saves hashing, and pins nothing."""
    origin: str
    """URL or path it was taken from."""
    recorded_at: str
    """ISO 8601, UTC."""

    def is_of(self, path: Path) -> bool:
        """Whether the file has not been written since."""
        stat = path.stat()
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def record_of(path: Path, sha256: str, accepted_licence: str, origin: str) -> Record:
    stat = path.stat()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(sha256, stat.st_size, stat.st_mtime_ns, accepted_licence, origin, now)


def weights_folder() -> Path:
    """Return $REELMEND_WEIGHTS, or `reelmend/weights` in the user's cache; it need not exist."""
    given = os.environ.get(FOLDER_VARIABLE)
    folder = given or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/reelmend/weights"
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError as exc:
        raise SetupError(f"weights: this user has no home folder; set {FOLDER_VARIABLE} to a folder") from exc


def read_records(folder: Path) -> dict[str, Record]:
    """Return the records by file name. Raises SetupError when they cannot be read."""
    path = folder / RECORDS
    try:
        return {name: Record(**record) for name, record in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise SetupError(f"{path}: cannot be read ({exc}); repair it, or delete it to record the files again") from exc


def write_record(folder: Path, file: str, record: Record) -> None:
    """Add or replace one record. Raises StoreError."""
    try:
        with locked(folder / f".{RECORDS}.lock", wait=True):
            records = read_records(folder) | {file: record}
            document = {name: asdict(records[name]) for name in sorted(records)}
            write_atomically(folder / RECORDS, (json.dumps(document, indent=2) + "\n").encode())
    except OSError as exc:
        raise StoreError(f"cannot write {folder / RECORDS}: {exc.strerror}") from exc


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of that name; it ends with the process. Without `wait`, BlockingIOError when another holds it."""
    with path.open("a") as file:
        lock(file.fileno(), wait=wait)
        yield


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
