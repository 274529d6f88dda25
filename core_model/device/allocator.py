"""Setting of torch's allocator for GPUs, made before torch reads it."""

import os

_NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")
"""The name, and the older ones, which torch still reads."""
_GROWING = "expandable_segments:True"


def let_segments_grow() -> None:
    """Let torch enlarge its blocks of GPU memory instead of taking others, unless the user has set its allocator.

    Regions, windows and sub-videos come in many sizes; what one size leaves free in a block is too small for the next, and
    is lost to it. Call it before CUDA is used: torch reads the setting once.
    """
    if not any(os.environ.get(name) for name in _NAMES):
        os.environ[_NAMES[0]] = _GROWING
