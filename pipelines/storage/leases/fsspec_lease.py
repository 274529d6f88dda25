"""Lease in a store reached by fsspec, which has no conditional writes.

So this looks, writes, and looks again: of two runs that take a lease in the same moment both may still think that
they have it. The one that wrote first finds the other's at its next sign of life, and stops. Where no lease lies, most
stores let one create it. Ages are told by this machine's clock, and never relied on: a lease is free when it was
watched.
"""

import time

from reelmend.pipelines.storage.fsspec_files import FsspecFiles, translated
from reelmend.pipelines.storage.leases.lease_object import Found
from reelmend.pipelines.storage.location import RemotePath


class FsspecLeaseObject:
    """See `reelmend.pipelines.storage.leases.lease_object.LeaseObject`."""

    sure = False

    def __init__(self, place: RemotePath, files: FsspecFiles) -> None:
        self._place, self._files = place, files

    def look(self) -> Found | None:
        entry, text = self._files.look(self._place), self._files.read(self._place)
        if entry is None or text is None:
            return None
        return Found(text.decode(errors="replace"), entry.tag, time.time() - entry.modified_s)

    def write(self, text: str, tag: str) -> str | None:
        found = self._files.look(self._place)
        if (found.tag if found else "") != tag:
            return None
        path = str(self._place).partition("://")[2]
        with translated(self._place):
            try:
                self._files.system.pipe_file(path, text.encode(), mode="overwrite" if tag else "create")
            except FileExistsError:
                return None
        written = self.look()
        return written.tag if written and written.text == text else None
