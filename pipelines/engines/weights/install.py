"""Installation of a file of weights: checked, renamed into place, then recorded."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.engines.weights.find import Look, State, WeightFile, changed_message, look, missing_message
from reelmend.pipelines.engines.weights.fit import check_fit
from reelmend.pipelines.engines.weights.folder import (
    BY_HAND,
    FOLDER_VARIABLE,
    RECORDS,
    digest_file,
    locked,
    read_records,
    record_of,
    write_record,
)
from reelmend.pipelines.engines.weights.registry import Entry
from reelmend.pipelines.engines.weights.source import Source
from reelmend.pipelines.engines.weights.state import read_state
from reelmend.pipelines.engines.weights.transfer import OnProgress, discard, fetch
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.storage.local_files import LocalFiles, remove
from reelmend.pipelines.storage.staging import stage_path


def pull(entry: Entry, folder: Path, source: Source, on_progress: OnProgress) -> WeightFile:
    """Fetch an entry's file, unless it is there and unchanged; call this when its licence has been accepted.

    Raises StoreError when the line breaks too often (the next call resumes), SetupError when the source has
    no such file, or when what came is not the expected file.
    """
    with _alone(entry, folder):
        seen = look(entry, folder)
        if seen.state is State.PRESENT:
            _accept(entry, seen)
            return WeightFile(seen.path, seen.sha256, entry.licence.name, entry.name)
        part = seen.path.with_name(f"{entry.file}.part")
        fetch(source, part, on_progress)
        try:
            return _install(part, entry, seen, source.name)
        finally:
            discard(part)


def take_in(path: Path, entry: Entry, folder: Path) -> WeightFile:
    """Copy a file that the user has into the folder as `entry`; call this when its licence has been accepted.

    Raises ConfigError when its format is another than the entry's, SetupError when it is not the expected file.
    """
    suffix = Path(entry.file).suffix
    if path.suffix != suffix:
        raise ConfigError(
            f"{path}: {entry.name} must be a {suffix} file; to use a file of another format, set its path in the job"
        )
    with _alone(entry, folder):
        seen = look(entry, folder)
        staged = stage_path(seen.path)
        try:
            shutil.copyfile(path, staged)
            return _install(staged, entry, seen, str(path.absolute()))
        except OSError as exc:
            raise SetupError(f"{exc.filename or path}: cannot be copied ({exc.strerror or exc})") from exc
        finally:
            remove(staged)


def _install(staged: Path, entry: Entry, seen: Look, origin: str) -> WeightFile:
    """Rename `staged` into place when its digest and its tensors are the expected ones."""
    sha256 = digest_file(staged)
    if seen.expected and sha256 != seen.expected:
        raise SetupError(
            f"{origin}: is not the file known as {entry.name}: its SHA-256 is {sha256}, expected {seen.expected}; if "
            f"it is the one you want, delete the record of the other in {seen.path.parent / RECORDS}"
        )
    try:
        check_fit(read_state(staged, seen.path.suffix), entry.network)
    except ValueError as exc:
        raise SetupError(f"{origin}: {exc}") from exc
    LocalFiles().publish(staged, seen.path)
    write_record(seen.path.parent, entry.file, record_of(seen.path, sha256, entry.licence.name, origin))
    return WeightFile(seen.path, sha256, entry.licence.name, entry.name)


def _accept(entry: Entry, seen: Look) -> None:
    """Record the acceptance for a file that was put there by hand; from now on it is the one that is meant."""
    folder = seen.path.parent
    record = read_records(folder).get(entry.file)
    if record is not None and record.accepted_licence:
        return
    try:
        check_fit(read_state(seen.path, seen.path.suffix), entry.network)
    except ValueError as exc:
        raise SetupError(f"{seen.path}: {exc}; delete it, then pull") from exc
    write_record(folder, entry.file, record_of(seen.path, seen.sha256, entry.licence.name, BY_HAND))


@contextmanager
def _alone(entry: Entry, folder: Path) -> Iterator[None]:
    """Only one process at a time works on an entry's file. Raises SetupError while another does."""
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / f".{entry.file}.lock", wait=False))
        except BlockingIOError as exc:
            raise SetupError(f"{folder / entry.file}: another process is writing it; wait for it to finish") from exc
        except OSError as exc:
            raise SetupError(
                f"{folder}: not writable ({exc.strerror}); set {FOLDER_VARIABLE} to another folder"
            ) from exc
        yield


@dataclass(frozen=True)
class Verdict:
    """What looking at one file gave."""

    seen: Look
    problem: str
    """One line; empty when the file is right."""


def verify(entry: Entry, folder: Path) -> Verdict:
    """Hash the file, compare, read it, and try its tensors on the network."""
    seen = look(entry, folder, anew=True)
    match seen.state:
        case State.MISSING:
            return Verdict(seen, missing_message(seen))
        case State.CHANGED:
            return Verdict(seen, changed_message(seen))
    try:
        check_fit(read_state(seen.path, seen.path.suffix), entry.network)
    except ValueError as exc:
        return Verdict(seen, f"{seen.path}: {exc}")
    return Verdict(seen, "")
