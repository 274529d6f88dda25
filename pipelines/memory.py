"""Why does a worker not grow with the number of blocks it has restored?"""

import ctypes


def return_freed() -> None:
    """Give the system back what this process has freed.

    glibc keeps freed arrays of up to 32 MiB for the next ones, between objects that stay, and a worker that lives for
    hours would end with more memory than it ever used at once. Within a task that is wanted: pages that are asked for
    anew have to be filled with zeros, which takes as long as filling a large hole does. Elsewhere this does nothing.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return
    trim(0)
