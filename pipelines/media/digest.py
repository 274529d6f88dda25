"""What names the content of a source, wherever it lies?"""

import hashlib
from pathlib import Path

from pipelines.errors import MediaError
from pipelines.media.source import list_images


def digest_source(path: Path | str) -> str:
    """Return the SHA-256 (hex) of a file's content, or of the names and contents of a folder's images in their order.

    Raises MediaError when it cannot be read.
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
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from error


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
