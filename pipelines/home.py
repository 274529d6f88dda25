"""Whose folder is `~` in a path that somebody typed?"""

from pathlib import Path

from pipelines.errors import ConfigError


def at_home(text: str) -> Path:
    """Return the path with `~` or `~NAME` at its beginning replaced. Raises ConfigError where nobody is called so."""
    try:
        return Path(text).expanduser()
    except RuntimeError as exc:
        raise ConfigError(f"{text}: nobody with such a home folder is known here; write ./{text} for a name") from exc
