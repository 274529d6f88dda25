"""Cross-fade of two blocks where they overlap."""

import numpy as np
from numpy.typing import NDArray


def blend_weight(frame: int, boundary: int, overlap: int) -> np.float32:
    """Return the later block's share (0..1) of `frame` where two blocks meet at `boundary`: a linear ramp."""
    return np.float32((frame - (boundary - overlap) + 0.5) / (2 * overlap))


def blend(earlier: NDArray[np.uint8], later: NDArray[np.uint8], weight: np.float32) -> NDArray[np.uint8]:
    """Cross-fade two restorations of the same pixels; rounds to nearest, equal inputs come back unchanged."""
    mixed = earlier + (later.astype(np.float32) - earlier) * weight
    return np.rint(mixed).astype(np.uint8)
