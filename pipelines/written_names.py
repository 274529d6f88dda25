"""Can a name be written down? Ledger, logs and reports are UTF-8; a file's name on a disk may be any bytes.

Python reads such a name as text with odd characters in it, which no table takes. What has one is refused before any
work, under a name that can be printed.
"""

from pipelines.errors import ConfigError
from pipelines.tasks import Item

_SHOWN = 3


class UnwritableNames:
    """Sees every item once, then refuses those that have such names."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def see(self, item: Item) -> None:
        wrong = [text for text in (str(item.video), str(item.mask or ""), item.id) if not is_writable(text)]
        if wrong:
            self._count += 1
            self._first += [shown(wrong[0])] if self._count <= _SHOWN else []

    def refuse(self) -> None:
        """Raise ConfigError where there are any."""
        if self._count:
            more = f" and {self._count - _SHOWN} more" if self._count > _SHOWN else ""
            raise ConfigError(f"not UTF-8: {', '.join(self._first)}{more}; rename such files, or leave them out")


def is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    r"""Return the name with each odd byte as \xNN."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\\udc", "\\x")
