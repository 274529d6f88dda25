"""How does an output appear? Whole: it is written under another name, and put in its place when it is finished."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import StoreError
from pipelines.identity import digest_of
from pipelines.stores.files import Files
from pipelines.stores.local_files import remove
from pipelines.stores.location import Location


@contextmanager
def staged(output: Location, files: Files, cache_dir: Path) -> Iterator[Path]:
    """Yield where to write `output`; publish it when the block is left, unless by an exception. Raises StoreError.

    For an output of this machine that is a hidden name beside its place, else one in `cache_dir`.
    """
    path = stage_path(output if isinstance(output, Path) else _in_cache(output, cache_dir))
    try:
        yield path
        files.of(output).publish(path, output)
    finally:
        remove(path)


def stage_path(output: Path) -> Path:
    """Return where to write `output` first, with room made: folders exist, an earlier attempt's leftover does not."""
    path = output.with_name(f".reelmend-partial-{output.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(path)
    except OSError as exc:
        raise StoreError(f"cannot write in {path.parent}: {exc.strerror}") from exc
    return path


def _in_cache(output: Location, cache_dir: Path) -> Path:
    """Runs that share the folder, and processes of one run, stage apart."""
    return cache_dir / "staged" / f"{os.getpid()}-{digest_of('staged', str(output))}{output.suffix}"
