r"""Text that a terminal or a log line can show: what would act there is written out, as `\x1b` or `\u202e`.

Names of files may hold any of it: escape sequences that rewrite the screen, line ends that forge a line of a log, marks
that show a name in another order than it has.
"""

import re
from collections.abc import Iterable

_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
    "\u2028\u2029\ufeff"  # separators of lines and paragraphs, byte order mark
    "\ud800-\udfff]"  # halves of characters; some stand for a byte of a name that is no UTF-8
)
_ESCAPED_BYTES = range(0xDC80, 0xDD00)


def visible(text: str, *, keep: str = "") -> str:
    """Return the text with every character that would act written out; those of `keep` stay."""
    return _ACTING.sub(lambda found: found[0] if found[0] in keep else _written(ord(found[0])), text)


def visible_json(text: str) -> str:
    """As `visible`, of a JSON document: it stays one, and reads as the same values; its own line ends stay."""
    return _ACTING.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def _written(code: int) -> str:
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    r"""Return the name with each odd byte as \xNN."""
    return visible(text)


def ranges_in_words(ranges: Iterable[tuple[int, int]], most: int = 0) -> str:
    """Return frames [start, stop) as `0-79, 160-239`; ranges that touch are joined.

    `most`: ranges that are named, then `and 3 more`; 0: all.
    """
    joined: list[list[int]] = []
    for start, stop in ranges:
        if joined and joined[-1][1] == start:
            joined[-1][1] = stop
        else:
            joined.append([start, stop])
    named = joined[:most] if most else joined
    more = f" and {len(joined) - len(named)} more" if len(named) < len(joined) else ""
    return ", ".join(f"{start}-{stop - 1}" if stop - start > 1 else f"{start}" for start, stop in named) + more
