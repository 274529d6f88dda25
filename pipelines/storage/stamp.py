"""Stamps of sources, which show whether one was written: marks, and what putting a file back leaves behind.

A file that was replaced for a while and put back as it was, times and all, has the mark that it had. Its time of change
(ctime) is another one, which nobody can set, and so may its inode be. Other machines tell other inodes of one file, so
these count where both looks were had through the same mount of the same machine. A stamp that does not agree says that
the content has to be looked at, never that it is another one.
"""

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reelmend.pipelines.storage.files import mark_of
from reelmend.pipelines.storage.location import Entry
from reelmend.pipelines.utils.hashing import digest_of


@dataclass(frozen=True)
class Stamp:
    """Of a file, or of the files in a folder."""

    mark: str
    """As `Files.mark`: names, sizes, times of writing or ETags."""
    changed: str = ""
    """The times of change; empty of what is in a bucket, whose ETags tell."""
    inodes: str = ""
    seen_on: str = ""
    """Machine and mount for which the inodes hold."""

    @property
    def known(self) -> bool:
        return bool(self.mark)

    def agrees(self, other: "Stamp") -> bool:
        """Whether nothing shows that the file was written between the two looks."""
        if (self.mark, self.changed) != (other.mark, other.changed):
            return False
        return self.seen_on != other.seen_on or self.inodes == other.inodes


NO_STAMP = Stamp("")


def stamp_of(parts: Sequence[Entry]) -> Stamp:
    """Return the stamp of a file, or of the files of a folder, as they were when they were looked at."""
    mark = mark_of(list(parts))
    if not any(part.inode for part in parts):
        return Stamp(mark)
    changed = digest_of("changed", [part.changed_ns for part in parts])
    inodes = digest_of("inodes", [part.inode for part in parts])
    return Stamp(mark, changed, inodes, f"{_machine()}/{parts[0].device}")


@cache
def _machine() -> str:
    """A name that no other machine has, nor this one after a restart."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return platform.node()
