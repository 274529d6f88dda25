"""Sources of weights by kind of address: https, S3, a folder."""

import os
from urllib.parse import urlsplit

from reelmend.pipelines.engines.weights.registry import Entry
from reelmend.pipelines.engines.weights.source import FolderSource, Source
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.utils.user_paths import at_home

MIRROR_VARIABLE = "REELMEND_WEIGHTS_MIRROR"


def source_of(entry: Entry, mirror: str | None) -> Source:
    """Return where to fetch an entry's file: `PREFIX/file` of a mirror (https, http, s3, a folder), or its own URL.

    Without `mirror`, REELMEND_WEIGHTS_MIRROR is asked. Raises ConfigError for any other scheme.
    """
    # Each kind has its own library to import.
    prefix = mirror or os.environ.get(MIRROR_VARIABLE)
    place = f"{prefix.rstrip('/')}/{entry.file}" if prefix else entry.url
    try:
        parts = urlsplit(place)
    except ValueError as exc:
        raise ConfigError(f"{place}: {exc}") from exc
    match parts.scheme:
        case "https" | "http" if parts.hostname:
            from reelmend.pipelines.engines.weights.http_source import HttpSource

            return HttpSource(place)
        case "s3" if parts.netloc:
            from reelmend.pipelines.engines.weights.s3_source import S3Source

            return S3Source(parts.netloc, parts.path.lstrip("/"))
        case "" if prefix:
            return FolderSource(at_home(prefix).absolute() / entry.file)
    raise ConfigError(f"{place}: not a source of weights; use https://, http://, s3://BUCKET/PREFIX or a folder")
