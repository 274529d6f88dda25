"""Weights by name or path, and whether the file is unchanged."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from reelmend.pipelines.engines.weights.folder import (
    BY_HAND,
    FOLDER_VARIABLE,
    RECORDS,
    digest_file,
    read_records,
    record_of,
    weights_folder,
    write_record,
)
from reelmend.pipelines.engines.weights.registry import Entry, hint_for, registry
from reelmend.pipelines.errors import ConfigError, SetupError, StoreError
from reelmend.pipelines.utils.user_paths import at_home

SUFFIXES = (".pth", ".safetensors")


@dataclass(frozen=True)
class WeightFile:
    """A file of weights that is there; small and picklable."""

    path: Path
    """Absolute."""
    sha256: str
    """Of the content, hexadecimal: names the weights in keys and records."""
    licence: str
    """Name of the licence; `unknown` for a file given by its path."""
    name: str
    """Registry name, or the file's name."""


class State(StrEnum):
    """How a file of the registry stands in the weights folder."""

    MISSING = "missing"
    PRESENT = "present"
    CHANGED = "changed"  # its content is not what the registry or the record says


@dataclass(frozen=True)
class Look:
    """What is in the weights folder for one entry."""

    entry: Entry
    path: Path
    state: State
    sha256: str
    """Of the file as it is; empty when it is missing."""
    expected: str
    """What the registry says, or the record of what was pulled or imported; empty where neither does."""


def find(reference: str, network: str) -> WeightFile:
    """Return the weights that `reference` means: a name of the registry, or the path of a .pth or .safetensors file.

    `network` is what they are wanted for: raft, flow_completion or generator. Raises ConfigError when the reference is
    neither; SetupError when the file is missing, was changed, or belongs to another network.
    """
    entry = registry().get(reference)
    if entry is None:
        return _given_by_path(reference)
    if entry.network != network:
        fitting = ", ".join(name for name, known in registry().items() if known.network == network)
        raise SetupError(f"weights {reference}: for the network {entry.network}, not {network}; use {fitting}")
    seen = look(entry, weights_folder())
    if seen.state is State.MISSING:
        raise SetupError(missing_message(seen))
    if seen.state is State.CHANGED:
        raise SetupError(changed_message(seen))
    return WeightFile(seen.path, seen.sha256, entry.licence.name, entry.name)


def look(entry: Entry, folder: Path, *, anew: bool = False) -> Look:
    """Look at one entry's file; it is hashed when it was written since it was recorded, or in any case with `anew`."""
    path = folder / entry.file
    record = read_records(folder).get(entry.file)
    expected = entry.sha256 or (record.sha256 if record and record.accepted_licence else "")
    if not path.is_file():
        return Look(entry, path, State.MISSING, "", expected)
    try:
        unchanged = record is not None and record.is_of(path)
        found = record.sha256 if record is not None and unchanged and not anew else digest_file(path)
        if expected and found != expected:
            return Look(entry, path, State.CHANGED, found, expected)
        if not unchanged:
            accepted = record.accepted_licence if record else ""
            _remember(folder, path, found, accepted, record.origin if record else BY_HAND)
    except OSError as exc:
        raise SetupError(f"{path}: cannot be read ({exc.strerror})") from exc
    return Look(entry, path, State.PRESENT, found, expected)


def missing_message(seen: Look) -> str:
    name = seen.entry.name
    return (
        f"weights {name}: {seen.path} is missing ({FOLDER_VARIABLE} names another folder); fetch it: reelmend weights "
        f"pull {name} --accept-license, or use a copy: reelmend weights import PATH --as {name} --accept-license"
    )


def changed_message(seen: Look) -> str:
    return (
        f"{seen.path}: the file has changed: its SHA-256 is {seen.sha256}, expected {seen.expected}; fetch the right one: "
        f"reelmend weights pull {seen.entry.name} --accept-license, or, to keep this one, delete its record in "
        f"{seen.path.parent / RECORDS}"
    )


def _remember(folder: Path, path: Path, sha256: str, accepted_licence: str, origin: str) -> None:
    """Save the next process the hashing, where the folder can be written to; an image or a shared mount may not."""
    try:
        write_record(folder, path.name, record_of(path, sha256, accepted_licence, origin))
    except StoreError:
        return


def _given_by_path(reference: str) -> WeightFile:
    path = at_home(reference).absolute()
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"weights {reference}: neither a known name nor a {' or '.join(SUFFIXES)} file; {hint_for(reference)}"
        )
    try:
        stat = path.stat()
        sha256 = _digest_once(path, stat.st_size, stat.st_mtime_ns)
    except OSError as exc:
        raise SetupError(f"weights {reference}: {path} cannot be read ({exc.strerror}); give another path") from exc
    return WeightFile(path, sha256, "unknown", path.name)


@lru_cache
def _digest_once(path: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once a process; `size` and `mtime_ns` tell a later state of it from an earlier one."""
    return digest_file(path)
