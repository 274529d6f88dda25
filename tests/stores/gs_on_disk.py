"""A store behind gs:// without Google: fsspec's own files of a disk, in the folder that REELMEND_GS names.

Real calls of fsspec, seen by every process that imports this; what it cannot show is a store's answers over a network.
"""

import os

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

FOLDER = "REELMEND_GS"


class GsOnDisk(DirFileSystem):
    protocol = "gs"

    def __init__(self, **_options: object) -> None:
        super().__init__(path=os.environ[FOLDER], fs=LocalFileSystem(auto_mkdir=True))


fsspec.register_implementation("gs", GsOnDisk, clobber=True)
