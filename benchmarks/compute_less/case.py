"""Cases of the benchmark: a clip whose truth is known, rows that restore it, and gates on what they measure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """A clip with hidden pixels; its picture moves to the left by `pan_px` a frame, as a whole."""

    truth: NDArray[np.uint8]
    """[T, H, W, 3]"""
    masks: NDArray[np.bool_]
    """[T, H, W]; True where pixels are hidden."""
    pan_px: int

    @property
    def hidden(self) -> NDArray[np.uint8]:
        """The frames with grey in the holes."""
        return np.where(self.masks[..., None], np.uint8(128), self.truth)


@dataclass(frozen=True)
class Row:
    """One way to restore a case's clip."""

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    """By their keys in a job file, over those of the case."""
    engine: str = "propainter"
    plain: str = ""
    """Name of the row whose result is the reference; empty: the case's first."""


@dataclass(frozen=True)
class Measured:
    """What a row took, and how good its result is inside the holes."""

    gflop: float
    """Of the networks, a fused multiply-add as two; 0 without networks."""
    cpu_s: float
    """Of all threads of the row's process, from the arrays to the restored arrays."""
    peak_mb: float
    """Of the row's process."""
    truth_db: float
    """PSNR against what was hidden."""
    plain_db: float
    """PSNR against the plain row's result; inf where they are equal."""
    warping: float
    """Mean squared difference between a hole and the frame before, moved by the true motion, in grey levels."""


Results = Mapping[str, Measured]
"""By row."""
Gate = tuple[str, float, float]
"""(what, value, most that it may be)"""


@dataclass(frozen=True)
class Case:
    """A clip and the rows that restore it, the plain one first."""

    name: str
    about: str
    """One line under the case's heading."""
    clip: Callable[[int], Clip]
    """Make the clip, of so many frames; the same one whenever it is called."""
    frames: int
    rows: Sequence[Row]
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of all rows."""
    gates: Callable[[Results], Iterator[Gate]] = lambda results: iter(())
    """Yield what is promised of a clip of `frames` frames; not asked for other lengths."""


def ratio(results: Results, row: str, plain: str, what: str) -> float:
    """Return one figure of a row over that of the plain row."""
    return float(getattr(results[row], what) / getattr(results[plain], what))
