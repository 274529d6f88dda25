"""What colour does a pixel have at the end of its trail, and when two trails lead to it?

Legend: T frames, H W height and width, N pixels.
"""

import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


def sample(frames_THWC: U8, missing_THW: Bool | None, frame_N: I64, x_N: F32, y_N: F32) -> F32:
    """Return float32 [N, 3]: bilinear samples, each of its own frame; taps on missing pixels count only if all are."""
    height, width = frames_THWC.shape[1:3]
    x_N, y_N = x_N.clip(0, width - 1), y_N.clip(0, height - 1)
    left, top = x_N.astype(np.int64), y_N.astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    part_x, part_y = x_N - left, y_N - top
    total = np.zeros((len(x_N), 3), np.float32)
    weights = np.zeros(len(x_N), np.float32)
    for columns, share_x in ((left, 1 - part_x), (right, part_x)):
        for rows, share_y in ((top, 1 - part_y), (bottom, part_y)):
            weight = (share_x * share_y).astype(np.float32)
            if missing_THW is not None:
                weight = np.where(missing_THW[frame_N, rows, columns], np.float32(0), weight)
            weight = weight + np.float32(1e-6)
            total += weight[:, None] * frames_THWC[frame_N, rows, columns]
            weights += weight
    return total / weights[:, None]
