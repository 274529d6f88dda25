"""Entry of a listing."""

from dataclasses import dataclass, field

from reelmend.pipelines.stores.location import Location


@dataclass(frozen=True)
class Entry:
    """A file, or a folder, as it was when it was looked at."""

    place: Location
    size: int
    """Bytes; 0 for a folder."""
    tag: str
    """Another one after every change: the ETag of an object, the time of change of a local file; empty for a folder."""
    modified_s: float
    """Seconds since the epoch by the clock of the store; 0 for a folder."""
    is_folder: bool = False
    inode: int = field(default=0, compare=False)
    """Of a file of this machine, as are the next two; 0 of an object."""
    device: int = field(default=0, compare=False)
    changed_ns: int = field(default=0, compare=False)
    """When it last changed in any way (ctime), which nobody can set."""
