"""Compilation of inner loops by numba, kept for later processes where that can be."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called; as `numba.njit(cache=True)`, which refuses where no folder is to be
    written to: there every process compiles for itself."""
    try:
        return njit(cache=True)(function)
    except RuntimeError:  # numba: no locator available
        return njit(function)
