"""Where do the pictures of an item lie that a person looks at? In one folder beside the run's report, as plain JPEGs.

They are read by browsers, from a disk too, so they carry no header of ours: the name is the digest of the bytes. Who
reads one through this module gets what was written or nothing, and a name can lead nowhere else.
"""

import hashlib
import re

from pipelines.stores.files import Files
from pipelines.stores.location import Location

FOLDER = "report/previews"
"""Below the run's own folder, and below the page that shows them."""

_NAME = re.compile(r"[0-9a-f]{64}\.jpg")


def save_preview(work: Location, jpeg: bytes, files: Files) -> str:
    """Publish a picture below the run's folder `work` and return its name. Raises StoreError."""
    name = f"{hashlib.sha256(jpeg).hexdigest()}.jpg"
    files.write(work / FOLDER / name, jpeg)
    return name


def load_preview(work: Location, name: str, files: Files) -> bytes | None:
    """Return the picture, or None when there is none of this name, or it is damaged. Raises StoreError."""
    if not _NAME.fullmatch(name):
        return None
    jpeg = files.read(work / FOLDER / name)
    return jpeg if jpeg is not None and f"{hashlib.sha256(jpeg).hexdigest()}.jpg" == name else None
