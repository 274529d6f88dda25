"""Detail around the holes of a video, from frames that the probe decodes: what a smaller size would lose there.

Of a few frames, each candidate size's loss is measured tile by tile: the frame is shrunk to that size and enlarged
again, as restored holes are, and compared with itself. What differs is the band above the smaller size's Nyquist
frequency. When the masks are known, the tiles around the holes say how much of it a fill can need.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.regions import Region
from reelmend.pipelines.media.masks.track import TILE_PX, HoleTrack
from reelmend.pipelines.media.sizes import Size, fit

if TYPE_CHECKING:
    import av

DETAIL_VERSION = 2
"""Raise it when the same video gets another size."""
LOSS_LEVELS = 0.4
"""Grey levels, root mean square: a size that loses more around the holes is too small. By itself that is 0.05 dB of a
fill that is off by 5 levels (34 dB), but motion is measured less exactly on smaller pictures, too. What other bounds
cost: `benchmarks/README.md`."""
SCALES = (0.5,)
"""Candidate sizes, as shares of the longest side. Below half of it, motion is measured so much less exactly that a loss
of detail no longer says what a fill loses; three quarters of it save a fifth of the time, and interpolation between
pixels that lie differently costs as much as the detail: `benchmarks/README.md`."""

_EVERY = 10  # frames from one look to the next, until there are more than `_MOST`
_MOST = 32  # looks that are kept: 6 MB of 3840x2160
_AROUND_TILES = 3  # of 32 pixels: what a hole is filled from lies near it
_SHARPEST = 0.9  # quantile over the looks: motion blurs some frames, and the sharp ones decide

Detail = tuple[tuple[int, float], ...]
"""(longest side in pixels, grey levels that it loses around the holes), from the smallest side on."""
F32 = NDArray[np.float32]


class DetailFinder:
    """Give it every frame once, in order; then ask for the detail around the holes."""

    def __init__(self, scales: Sequence[float] = SCALES) -> None:
        self._scales = scales
        self._step = _EVERY
        self._losses: dict[int, F32] = {}

    def see(self, index: int, frame: "av.VideoFrame") -> None:
        if index % self._step:
            return
        self._losses[index] = tile_losses(
            np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8), self._scales
        )
        if len(self._losses) > _MOST:
            self._step *= 2
            self._losses = {at: losses for at, losses in self._losses.items() if not at % self._step}

    def detail(self, track: HoleTrack, size: Size) -> Detail:
        """Return what each candidate size loses around the holes of a video of `size`; empty without any hole."""
        found = [
            around
            for index, losses in self._losses.items()
            if (around := _around(losses, track.boxes(index, index + self._step), size)) is not None
        ]
        if not found:
            return ()
        sharpest = np.quantile(found, _SHARPEST, axis=0, method="higher")
        return tuple(
            (side, round(float(loss), 3)) for side, loss in zip(_sides(size, self._scales), sharpest, strict=True)
        )


def side_for(detail: Detail, size: Size, least: int, most: int) -> int:
    """Return the longest side in pixels at which holes of a video of `size` are restored.

    The smallest candidate whose loss is not above `LOSS_LEVELS`, else the video's own; then at least `least`, at most
    `most` (0: the video's own) and never more than the video's. Without detail it is `most`.
    """
    longest = max(size)
    enough = next((side for side, loss in detail if loss <= LOSS_LEVELS), longest)
    return min(max(enough, least), most or longest, longest)


def tile_losses(grey_HW: NDArray[np.uint8], scales: Sequence[float] = SCALES) -> F32:
    """Return the squared loss of each candidate size, summed over each tile: float32 [sizes, rows, columns]."""
    height, width = grey_HW.shape
    grey = grey_HW.astype(np.float32)  # rounded to levels, a smooth picture would lose half a level at any size
    found = []
    for side in _sides((width, height), scales):
        small = cv2.resize(grey, fit((width, height), side), interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        found.append(_tile_sums(np.square(grey - again)))
    return np.stack(found)


def _sides(size: Size, scales: Sequence[float]) -> list[int]:
    return [max(1, round(max(size) * scale)) for scale in scales]


def _tile_sums(values_HW: F32) -> F32:
    height, width = values_HW.shape
    padded = np.pad(values_HW, ((0, -height % TILE_PX), (0, -width % TILE_PX)))
    tiles = padded.reshape(padded.shape[0] // TILE_PX, TILE_PX, padded.shape[1] // TILE_PX, TILE_PX)
    return np.asarray(tiles.sum((1, 3)), np.float32)


def _around(losses: F32, holes: "set[Region] | Sequence[Region]", size: Size) -> NDArray[np.float64] | None:
    """Return each candidate's loss around the holes, of all tiles where holes leave none; None without a hole."""
    if not holes:
        return None
    _, rows, columns = losses.shape
    around, inside = np.zeros((rows, columns), np.bool_), np.zeros((rows, columns), np.bool_)
    for hole in holes:
        tiles = Region(*(edge // TILE_PX for edge in hole))  # boxes of a track lie on the grid of tiles
        around[tiles.grown(_AROUND_TILES).clipped((columns, rows)).inside] = True
        inside[tiles.clipped((columns, rows)).inside] = True
    near = around & ~inside
    if not near.any():
        near[:] = True
    width, height = size
    pixels = _tile_sums(np.ones((height, width), np.float32))
    mean = losses[:, near].astype(np.float64).sum(1) / pixels[near].sum()
    return np.asarray(np.sqrt(mean), np.float64)
