"""Paths typed by a user: expansion of `~`, and whether they exist.

Nothing has a name that is too long for a file system, but pathlib raises where it is asked whether it exists.
"""

from contextlib import suppress
from pathlib import Path

from reelmend.pipelines.errors import ConfigError


def at_home(text: str) -> Path:
    """Return the path with `~` or `~NAME` at its beginning replaced. Raises ConfigError where nobody is called so."""
    try:
        return Path(text).expanduser()
    except RuntimeError as exc:
        raise ConfigError(f"{text}: no such user; write ./{text} for a file of that name") from exc


def is_there(text: str) -> bool:
    with suppress(OSError):
        return Path(text).exists()
    return False


def is_folder(text: str) -> bool:
    with suppress(OSError):
        return Path(text).is_dir()
    return False


def is_file(text: str) -> bool:
    with suppress(OSError):
        return Path(text).is_file()
    return False
