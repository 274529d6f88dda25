"""Names that cannot be written down. Ledger, logs and reports are UTF-8; a file's name on a disk may be any bytes.

Python reads such a name as text with odd characters in it, which no table takes.
"""

from reelmend.pipelines.visible import visible


def is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    r"""Return the name with each odd byte as \xNN."""
    return visible(text)
