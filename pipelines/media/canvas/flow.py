"""Flow of a picture, placed and scaled on its canvas.

Flow is measured on the source's frames alone, so that inpainting and outpainting share it, and laid on the canvas when
it is read. A pixel of the canvas' flow stands for a fraction of the canvas, one of the picture's flow for a fraction of
the picture. Neither fraction has to be whole pixels of the source, so values are read between pixels, at the exact
place; where both grids are the source's own, they are copied.
"""

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.media.sizes import Size, flow_size, process_size

Flow = NDArray[np.float16]


def canvas_flow_size(canvas: Canvas, job: JobConfig) -> Size:
    """Return the size of the flow on the canvas: as fine as it was measured, but never finer than what is restored."""
    measured, most = flow_size(canvas.picture_size, job), process_size(canvas.size, job)
    width = round(canvas.width * measured[0] / canvas.picture_width)
    height = round(canvas.height * measured[1] / canvas.picture_height)
    return min(most[0], max(1, width)), min(most[1], max(1, height))


def lay_flow(measured_N2hw: Flow, canvas: Canvas, size: Size) -> Flow:
    """Return flow [N, 2, h', w'] of the canvas at `size` = (w', h'), in pixels of that size; zero around the picture.

    `measured` is the picture's flow [N, 2, h, w] in pixels of its own size. Bilinear; at the picture's edge the
    outermost value continues.
    """
    height, width = measured_N2hw.shape[2:]
    if not canvas.grows and size == (width, height):
        return measured_N2hw
    rows = _Axis.between(canvas.height, size[1], canvas.top, canvas.picture_height, height)
    columns = _Axis.between(canvas.width, size[0], canvas.left, canvas.picture_width, width)
    laid = np.zeros((len(measured_N2hw), 2, size[1], size[0]), np.float16)
    longer = np.array([columns.stretch, rows.stretch], np.float32)[:, None, None]
    for pair, measured_2hw in zip(laid, measured_N2hw, strict=True):
        values = columns.read(rows.read(measured_2hw.astype(np.float32).swapaxes(1, 2)).swapaxes(1, 2))
        pair[:, rows.covered, columns.covered] = values * longer
    return laid


class _Axis:
    """Along one axis: which pixels of the canvas' flow have their centre in the picture, and what they read there."""

    def __init__(self, covered: slice, positions: NDArray[np.float64], length: int, stretch: float) -> None:
        self.covered, self.stretch = covered, stretch
        positions = positions.clip(0, length - 1)
        self._before = positions.astype(np.intp)
        self._after = np.minimum(self._before + 1, length - 1)
        self._part = (positions - self._before).astype(np.float32)

    @classmethod
    def between(cls, canvas_px: int, pixels: int, offset_px: int, picture_px: int, measured: int) -> "_Axis":
        """`canvas_px`, `offset_px` and `picture_px` are the source's pixels, `pixels` and `measured` those of flows."""
        centres = (np.arange(pixels) + 0.5) * (canvas_px / pixels) - offset_px
        inside = np.flatnonzero((centres > 0) & (centres < picture_px))
        positions = np.asarray(centres[inside] * (measured / picture_px) - 0.5, np.float64)
        covered = slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)
        return cls(covered, positions, measured, (pixels / canvas_px) / (measured / picture_px))

    def read(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read along the last axis."""
        between: NDArray[np.float32] = (
            values[..., self._before] * (1 - self._part) + values[..., self._after] * self._part
        )
        return between
