"""Sources of a file of weights: its own URL, or a mirror."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reelmend.pipelines.errors import SetupError

CHUNK_BYTES = 2**16
"""Of a chunk that has not arrived whole when the line breaks, nothing is kept: larger ones waste more."""


@dataclass(frozen=True)
class Body:
    """An answer in progress: the file from byte `start` on."""

    start: int
    """0 where the source could not, or would not, continue from where it was asked to."""
    total: int | None
    """Bytes of the whole file; None where the source does not say."""
    validator: str
    """Changes when the file does; empty where the source gives none, and then nothing can be resumed."""
    chunks: Iterator[bytes]


class Source(Protocol):
    """A file somewhere else."""

    @property
    def name(self) -> str:
        """Where it is, for people and records; holds no password."""
        ...

    def open(self, offset: int, validator: str) -> AbstractContextManager[Body]:
        """Ask for the file from `offset` on, if it still is the one that `validator` (of an earlier answer) is of.

        Entering, or taking chunks, raises StoreError when it may go better another time, SetupError when it will not.
        """
        ...


@dataclass(frozen=True)
class FolderSource:
    """A file on a disk of this machine, or on one that is mounted."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @contextmanager
    def open(self, offset: int, validator: str) -> Iterator[Body]:
        with self._translated():
            size = self.path.stat().st_size
        yield Body(0, size, "", self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        with self._translated(), self.path.open("rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise SetupError(f"{self.path}: cannot be read ({exc.strerror}); is the mirror's folder right?") from exc
