"""Locations: pathlib's Path for files in folders, RemotePath for objects in buckets.

A RemotePath says of itself what a Path says without looking at the disk, under the same names. What has to look is
asked of `reelmend.pipelines.storage.files.Files`, for both.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.utils.redaction import redact

SCHEMES = ("s3", "gs", "az")
"""Of stores in which a write is whole or not there, which all else rests on. Nothing else is ever opened: a manifest
may come from anyone."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


@dataclass(frozen=True, order=True, slots=True)  # a run may hold millions
class RemotePath:
    """An object, or the common beginning of several (a folder), in a bucket. `key` has no `/` at its ends."""

    bucket: str
    key: str
    scheme: str = "s3"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def __truediv__(self, below: str) -> "RemotePath":
        added = tidy(below)
        return self if added == "." else self.at(f"{self.key}/{added}" if self.key else added)

    def at(self, key: str) -> "RemotePath":
        """Return the place of another key in the same bucket."""
        return RemotePath(self.bucket, key, self.scheme)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        name = self.name
        dot = name.rfind(".")
        return name[dot:] if 0 < dot < len(name) - 1 else ""  # as pathlib says, in a fifth of the time

    @property
    def parent(self) -> "RemotePath":
        return self.at(self.key.rpartition("/")[0])

    def with_name(self, name: str) -> "RemotePath":
        return self.parent / name

    def absolute(self) -> "RemotePath":
        return self

    def resolve(self) -> "RemotePath":
        return self


Location: TypeAlias = Path | RemotePath


def tidy(text: str) -> str:
    """Return `str(PurePosixPath(text))`, at once where it is the text itself: a manifest may hold millions."""
    dots = "/./" in text or text.startswith("./") or text.endswith(("/", "/.")) or text in ("", ".")
    return str(PurePosixPath(text)) if dots or "//" in text else text


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def location_of(text: str) -> Location:
    """Return the place that a path, `file://` or one of SCHEMES (`s3://BUCKET/KEY`) names.

    Raises ConfigError for any other scheme.
    """
    url = _URL.match(text)
    if url is None:
        return Path(text)
    scheme, rest = url[1].lower(), url[2]
    bucket, _, key = rest.partition("/")
    if scheme == "file":
        if bucket not in ("", "localhost"):
            raise ConfigError(f"{text}: a file:// URL must name a file of this machine, such as file:///data/in")
        return Path("/" + key)
    if scheme not in SCHEMES:
        others = ", ".join(f"{known}://" for known in SCHEMES[1:])
        raise ConfigError(f"{text}: {scheme}:// is not supported; use a path, file://, s3://BUCKET/PREFIX, or {others}")
    if not bucket:
        raise ConfigError(f"{text}: has no bucket; use {scheme}://BUCKET/PREFIX")
    if "@" in bucket:
        raise ConfigError(
            f"{redact(text)}: a URL must not hold credentials; see docs/stores.md for where they are read from"
        )
    _refuse_up(key)
    return RemotePath(sys.intern(bucket), key.strip("/"), sys.intern(scheme))


def join(folder: Location, text: str) -> Location:
    """Return the place that `text` names when relative paths start at `folder`."""
    if is_url(text):
        return location_of(text)
    if isinstance(folder, RemotePath) and not text.startswith("/"):
        _refuse_up(text)
    return Path(text) if text.startswith("/") else folder / text


def _refuse_up(key: str) -> None:
    """A bucket has no folders to go up from, but a copy of what is in it is in one."""
    if ".." in key.split("/"):
        raise ConfigError(f"{key}: '..' is not supported in a bucket; use the full s3://BUCKET/PREFIX")


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
