"""A Ray of this run's own: on this machine's loopback alone, in a temporary folder that goes with it.

Anyone who can reach Ray's ports can run code, and a folder of every run that ever was fills the disk.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import ray

from reelmend.pipelines.utils.locks import lock, open_folder
from reelmend.pipelines.utils.user import user_id

_PREFIX = "reelmend-ray-"  # short: sockets lie below, and their paths must stay under 108 bytes
_TEMPORARY = "RAY_TMPDIR"


@contextmanager
def on_loopback() -> Iterator[None]:
    """Inside, a Ray that starts listens on 127.0.0.1 alone.

    It does so by itself where it takes no part in clusters (on macOS); elsewhere it would make the machine's outer
    address of any that it is given.
    """
    constants = ray._private.ray_constants
    name = constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    before, told = constants.ENABLE_RAY_CLUSTER, os.environ.get(name)
    constants.ENABLE_RAY_CLUSTER = False
    os.environ[name] = "0"  # for the processes it starts
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
        if told is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = told


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder for Ray's sockets and logs, and remove it; those of drivers that were killed go first."""
    parent = Path(os.environ.get(_TEMPORARY) or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_left(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    handle = open_folder(folder)
    lock(handle)  # ends with this process, however it ends
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _remove_left(folder: Path) -> None:
    """Remove a folder of this user's that no driver holds."""
    with suppress(OSError):
        if folder.is_symlink() or folder.stat().st_uid != user_id():
            return
        handle = open_folder(folder)
        try:
            lock(handle, wait=False)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)
