"""Digest of a source's content, wherever it is stored."""

import hashlib
from pathlib import Path

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.limits import refuse_overtime
from reelmend.pipelines.media.source import list_images
from reelmend.pipelines.utils.system_errors import unreadable

_PIECE_BYTES = 1 << 20


def digest_source(path: Path | str) -> str:
    """Return the SHA-256 (hex) of a file's content, or of the names and contents of a folder's images in their order.

    Raises MediaError when it may not be read or is not a file, SourceUnreadable when the disk or mount does not give it
    now, OverLimit when that takes too long.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            return _digest_file(path)
        total = hashlib.sha256()
        for image in list_images(path):
            total.update(f"{image.name}\0{_digest_file(image)}\n".encode())
        return total.hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def _digest_file(path: Path) -> str:
    if not path.is_file():  # a pipe or a device may have no end
        raise MediaError(f"{path}: cannot be read to its end")
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            refuse_overtime(path)
            PROGRESS.sign()
            total.update(piece)
    return total.hexdigest()
