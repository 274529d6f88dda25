"""A store behind gs:// without Google: fsspec's own files of a disk, in the folder that REELMEND_GS names.

Real calls of fsspec, seen by every process that imports this; what it cannot show is a store's answers over a network.
"""

import os
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

FOLDER = "REELMEND_GS"


class GsOnDisk(DirFileSystem):  # type: ignore[misc]
    protocol = "gs"

    def __init__(self, **_options: object) -> None:
        super().__init__(path=os.environ[FOLDER], fs=LocalFileSystem(auto_mkdir=True))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_options: object) -> None:
        """Put it there whole, as object stores do: a file that is being written is empty for a moment."""
        if mode == "create" and self.exists(path):
            raise FileExistsError(path)
        half, whole = Path(f"{os.environ[FOLDER]}-{uuid4().hex}"), Path(self._join(path))
        half.write_bytes(value)
        whole.parent.mkdir(parents=True, exist_ok=True)
        half.replace(whole)


fsspec.register_implementation("gs", GsOnDisk, clobber=True)
