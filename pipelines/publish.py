"""How does an output appear? Whole: it is written beside its place under a hidden name and then renamed."""

import os
import shutil
from pathlib import Path

from pipelines.errors import StoreError
from pipelines.identity import digest_of


def stage_path(output: Path) -> Path:
    """Return where to write `output` first, with room made: folders exist, an earlier attempt's leftover does not."""
    staged = output.with_name(f".reelmend-partial-{output.name}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        remove(staged)
    except OSError as exc:
        raise StoreError(f"cannot write in {output.parent}: {exc.strerror}") from exc
    return staged


def publish(staged: Path, output: Path) -> None:
    """Flush `staged` to the disk and rename it over `output`. Raises StoreError."""
    try:
        for path in [*staged.iterdir(), staged] if staged.is_dir() else [staged]:
            _flush(path)
        if output.is_dir():
            remove(output)
        staged.replace(output)
    except OSError as exc:
        raise StoreError(f"cannot publish {output}: {exc.strerror}") from exc


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def fingerprint(path: Path) -> str | None:
    """Return size and modification time of a file, or of everything in a folder; None when it is not there.

    Equal fingerprints mean "not written since"; they never name content.
    """
    try:
        paths = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    except OSError:
        return None
    return digest_of("fingerprint", stats)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
