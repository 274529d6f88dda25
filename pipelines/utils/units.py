"""Amounts in words, and words as amounts."""

import re

from reelmend.pipelines.errors import ConfigError

_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def readable_bytes(number: float) -> str:
    """Return `number` bytes with a decimal unit, as disks and networks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB" if number < 999.5 else f"{number / 1000:.1f} PB"


def readable_seconds(seconds: float) -> str:
    """Return seconds as `4.2 s`, `3:05 min` or `2:03:04 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def readable_duration(seconds: float) -> str:
    """Return seconds as `readable_seconds` does, from two days on as `12.3 days`."""
    days = seconds / 86_400
    return f"{days:.1f} days" if days >= 2 else readable_seconds(seconds)


def readable_amount(amount: float) -> str:
    """Return hours or money: two digits behind the point, and of less than 1 the first two that count."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def readable_share(share: float) -> str:
    """Return a share of 1 as a percentage: two digits below 10 %, and never 0 for what is not 0."""
    percent = 100 * share
    if percent >= 9.95:
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent >= 0.001 or not percent else "less than 0.001 %"


def readable_count(number: int) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u2009")


def counted(number: int, noun: str) -> str:
    """Return `1 item` or `3 items`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def bytes_of(text: str) -> int:
    """Read `500GB`, `1.5 TB` or `1000000`, in the units of `readable_bytes`. Raises ConfigError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text.strip())
    if found is None:
        raise ConfigError(f"'{text}' is not a valid size; use 500GB, 1.5TB or 1000000")
    return round(float(found[1]) * _BYTES[found[2]])


def seconds_of(text: str) -> float:
    """Read `30d`, `12h`, `45min` or `90s`. Raises ConfigError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)", text.strip())
    if found is None:
        raise ConfigError(f"'{text}' is not a valid duration; use 30d, 12h, 45min or 90s")
    return float(found[1]) * _SECONDS[found[2]]
