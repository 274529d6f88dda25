"""Meaning of an operating system's error for a run: by its number, for sources and for files of our own."""

import errno
from pathlib import Path

from reelmend.pipelines.errors import MediaError, SourceUnreadable, StoreAway, StoreError

FULL_OR_BROKEN_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}
_AWAY = {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ENETUNREACH}
"""What is said of a mount whose server does not answer."""
_MAY_PASS = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENOMEM, *_AWAY, *FULL_OR_BROKEN_DISK}
"""Of a source: another attempt may read it. Anything else (no permission, a loop of links, a device) stays so."""


def store_error(what: str, error: OSError) -> StoreError:
    """Return what an error of the disk or mount of our own files means: away for now, or anything else."""
    return StoreAway(what) if error.errno in _AWAY else StoreError(what)


def unreadable(path: Path, error: OSError) -> MediaError | SourceUnreadable:
    """Return what an error while a source was read means: it may pass, or it will not."""
    said = error.strerror or error
    if error.errno in _MAY_PASS:
        return SourceUnreadable(f"{path}: cannot be read now ({said})")
    advice = "may this user read it?" if error.errno in (errno.EACCES, errno.EPERM) else "is it a file?"
    return MediaError(f"{path}: cannot be read ({said}); {advice}")
