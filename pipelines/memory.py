"""Why does a worker not grow with the number of blocks it has restored?"""

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 1 << 20


def return_large_arrays() -> None:
    """Let the system have every array over a mebibyte back as soon as it is freed.

    glibc by itself keeps freed arrays of up to 32 MiB for the next ones, between objects that stay, and a worker that
    lives for hours ends with a third more memory than it ever used at once. Elsewhere this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
