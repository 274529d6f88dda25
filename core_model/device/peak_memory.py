"""Largest memory that this process has had."""

import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts it."""


def peak_rss_mb() -> float:
    """Return it in MiB; 0 where the system does not say."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 2**20 if resource else 0.0
