"""Settings of the allocator that keep a worker from growing with the number of blocks.

glibc keeps freed arrays of up to 32 MiB for the next ones, between objects that stay, and a worker that lives for hours
would end with a third more memory than it ever used at once.
"""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_LARGE = 4 << 20
"""The pages of an array that is asked for again are filled with zeros first: from 1 MiB on, a large hole takes twice as
long."""


def return_large_arrays() -> None:
    """Let the system have every large array back as soon as it is freed. Does nothing without glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


def return_freed() -> None:
    """Let the system have back what is free now. Does nothing without glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
