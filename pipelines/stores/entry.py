"""What does a listing say of a file?"""

from dataclasses import dataclass

from pipelines.stores.location import Location


@dataclass(frozen=True)
class Entry:
    """A file, or a folder, as it was when it was looked at."""

    place: Location
    size: int
    """Bytes; 0 for a folder."""
    tag: str
    """Another one after every change: the ETag of an object, the time of change of a local file; empty for a folder."""
    modified_s: float
    """Seconds since the epoch by the clock of whoever keeps the file; 0 for a folder."""
    is_folder: bool = False
