"""Digests as names of results: of everything that determines them, never of a position or path alone."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from typing import Any

Fact = Any
"""Whatever JSON can hold, and dataclasses of it."""


def digest_of(*facts: Fact) -> str:
    """Return a 32-digit hexadecimal name of `facts`: equal facts give equal names, in any process on any machine."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: Fact) -> Fact:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be part of an identity: {value!r}")
