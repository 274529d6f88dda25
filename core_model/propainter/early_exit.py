"""Generator windows in which propagation left nothing missing: they keep what it brought, fitted to the hole's rim.

Propagated pixels are copies from other frames, whose light may differ. Inside the hole the differences between
neighbours are kept, and across its rim the picture continues as it does on both sides (a Poisson equation, Perez et
al., "Poisson Image Editing", 2003).

An exited window is laid over its frames in its turn, like a generated one. So a frame that is in windows of both kinds
shows their running mean, which fades from one to the other; which windows exit follows from the shot alone.

Legend: H W height and width of the frames, N masked pixels of a frame.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propainter.prepared_shot import KnownFrame, PreparedShot

EARLY_EXIT_VERSION = "exit1"
"""Raise it when exited windows show something else."""

_RIM_WEIGHT = np.float32(0.3)  # an edge across the rim is a guess, one inside is known
_HOLD = np.float32(0.001)  # lets the rim's correction fade some thirty pixels in
_F32 = NDArray[np.float32]


class EarlyExit:
    """Says which windows exit, and what their frames show."""

    def __init__(self, prepared: PreparedShot) -> None:
        self._prepared = prepared
        self._fitted: dict[int, _F32] = {}

    def exits(self, local: Sequence[int]) -> bool:
        """Whether propagation left nothing missing in any frame of a window."""
        return not any(bool(self._prepared.frame(t).updated.any()) for t in local)

    def levels(self, t: int) -> _F32:
        """Return the masked pixels of a frame of an exited window, grey levels f32 [N, 3] in reading order."""
        if t not in self._fitted:
            self._fitted[t] = _levels_of(self._prepared.frame(t))
        return self._fitted[t]

    def forget(self, before: int) -> None:
        """Drop what only frames before this one need."""
        self._fitted = {t: levels for t, levels in self._fitted.items() if t >= before}


def _levels_of(known: KnownFrame) -> _F32:
    return fit_to_rim(known.image.numpy(), known.mask[0].numpy())


def fit_to_rim(image_3HW: U8, mask_HW: Bool) -> _F32:
    """Return the masked pixels of a picture whose hole is filled, moved smoothly so that they continue their rim.

    Grey levels f32 [N, 3], 0..255, in reading order. A frame that is masked whole stays as it is.
    """
    if not mask_HW.any() or mask_HW.all():
        return image_3HW[:, mask_HW].T.astype(np.float32)
    from reelmend.core_model.propagation.poisson import Edges, solve_poisson  # compiled loops take a while to load

    inside = _surroundings(mask_HW)
    image, mask = image_3HW[:, *inside].astype(np.float32), mask_HW[inside]
    right, down = _continued(image, mask, 2), _continued(image, mask, 1)
    weights = Edges(_weights(mask[:, :-1], mask[:, 1:]), _weights(mask[:-1], mask[1:]))
    fitted = solve_poisson(image, mask, Edges(right, down), weights, _HOLD * mask)
    levels: _F32 = fitted[:, mask].T.clip(0, 255)
    return levels


def _surroundings(mask_HW: Bool) -> tuple[slice, slice]:
    """Rows and columns of the hole, and two more on each side."""
    rows, columns = np.flatnonzero(mask_HW.any(1)), np.flatnonzero(mask_HW.any(0))
    return slice(max(0, rows[0] - 2), rows[-1] + 3), slice(max(0, columns[0] - 2), columns[-1] + 3)


def _weights(first: Bool, second: Bool) -> _F32:
    inner = (first & second).astype(np.float32)
    return np.asarray(inner + _RIM_WEIGHT * (first != second), np.float32)


def _continued(image_3HW: _F32, mask_HW: Bool, axis: int) -> _F32:
    """Return the differences between neighbours along an axis; across the rim, the mean of those before and after."""
    steps, masked = np.diff(image_3HW, axis=axis), np.moveaxis(mask_HW, axis - 1, -1)
    along = np.moveaxis(steps, axis, -1)  # a view
    rim = masked[:, 1:] != masked[:, :-1]
    sums, counts = np.zeros_like(along), np.zeros(rim.shape, np.float32)
    for own, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:])):
        sums[:, *own] += np.where(rim[other], 0, along[:, *other])
        counts[own] += ~rim[other]
    along[:, rim] = (sums / np.maximum(counts, 1))[:, rim]
    return np.ascontiguousarray(steps)
