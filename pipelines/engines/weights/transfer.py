"""Complete download over an unreliable line.

Bytes go to a part file; a note beside it says what they are of. The next attempt, or the same command tomorrow, asks
for the rest; if the file has changed meanwhile, it starts again.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from reelmend.pipelines.engines.weights.source import Body, Source
from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.storage.local_files import write_atomically
from reelmend.pipelines.utils.units import readable_bytes

logger = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_WAIT_S = 0.5
"""Doubled with each attempt."""
LONGEST_WAIT_S = 30

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that are here and those of the whole file, None where that is not known."""


@dataclass(frozen=True)
class _Note:
    """What the bytes of a part file are of."""

    source: str
    validator: str
    total: int | None


def fetch(source: Source, part: Path, on_progress: OnProgress) -> None:
    """Bring the whole of `source` into the file `part`, continuing from what exists of it.

    Raises StoreError when it still breaks at the last attempt (what came stays for the next call), SetupError when
    trying again cannot help.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(StoreError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S),
        before_sleep=_say,
        reraise=True,
    )
    try:
        attempts(_attempt, source, part, on_progress)
    except StoreError as exc:
        here = readable_bytes(part.stat().st_size) if part.exists() else "nothing"
        raise StoreError(
            f"{exc} ({ATTEMPTS} attempts; {here} downloaded so far; run the same command again to resume)"
        ) from exc
    note_path(part).unlink(missing_ok=True)


def _say(state: RetryCallState) -> None:
    if state.outcome is not None:
        logger.warning("%s; retrying", state.outcome.exception())


def note_path(part: Path) -> Path:
    """Return where the note of a part file is."""
    return part.with_name(f"{part.name}.json")


def discard(part: Path) -> None:
    """Forget what was fetched."""
    part.unlink(missing_ok=True)
    note_path(part).unlink(missing_ok=True)


def _attempt(source: Source, part: Path, on_progress: OnProgress) -> None:
    note = _read_note(part)
    resumable = note is not None and note.source == source.name and part.exists()
    offset = part.stat().st_size if resumable else 0
    validator = note.validator if note is not None and resumable else ""
    with source.open(offset, validator) as body:
        if body.start and (note is None or not _goes_on(body, offset, note)):
            discard(part)
            raise StoreError(f"{source.name}: changed during the download")
        _take(body, part, _Note(source.name, body.validator, body.total), on_progress)


def _goes_on(body: Body, offset: int, note: _Note) -> bool:
    """Whether the rest is of the file that the beginning is of; an answer in part need not repeat the validator."""
    same = body.validator in ("", note.validator) and body.total in (None, note.total)
    return same and body.start == offset


def _take(body: Body, part: Path, note: _Note, on_progress: OnProgress) -> None:
    done = body.start
    with _open(part, anew=not body.start) as file:
        if not body.start:
            write_atomically(note_path(part), json.dumps(asdict(note)).encode())
        on_progress(done, body.total)
        for chunk in body.chunks:
            _append(file, chunk, part)
            done += len(chunk)
            on_progress(done, body.total)
    if body.total is not None and done != body.total:
        if done > body.total:
            discard(part)
        raise StoreError(f"{note.source}: ended after {done} of {body.total} bytes")


def _open(part: Path, *, anew: bool) -> FileIO:
    try:
        return part.open("wb" if anew else "ab", buffering=0)
    except OSError as exc:
        raise SetupError(f"{part}: cannot be written ({exc.strerror})") from exc


def _append(file: FileIO, chunk: bytes, part: Path) -> None:
    """Only errors of the disk are caught here: those of requests are OSErrors as well."""
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as exc:
        raise SetupError(f"{part}: cannot be written ({exc.strerror})") from exc


def _read_note(part: Path) -> _Note | None:
    try:
        return _Note(**json.loads(note_path(part).read_text()))
    except (OSError, ValueError, TypeError):
        return None
