"""The measures that need the truth, beside those of `core_model/metrics.py`.

Texture, seam and flicker are ratios to the truth's own: 1 is right, above 1 too much. What is below half a grey level
counts as that, on both sides: nobody sees it, and a ratio of such numbers says nothing.
Legend: T frames, H W height and width.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_UNSEEN = 0.5  # grey levels


def texture(clip_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> float:
    """Mean squared difference of neighbours' luma over the truth's; both neighbours are masked."""

    def energy(clip: U8) -> float:
        total, count = 0.0, 0
        for frame, mask in zip(clip, masks_THW, strict=True):
            luma = frame.astype(np.float32) @ _LUMA
            for axis in (0, 1):
                first, second = _neighbours(mask, axis)
                steps = np.diff(luma, axis=axis)[first & second]
                total += float(np.square(steps, dtype=np.float64).sum())
                count += steps.size
        return total / count if count else 0.0

    return max(energy(clip_THWC), _UNSEEN**2) / max(energy(truth_THWC), _UNSEEN**2)


def seam(clip_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> float:
    """Mean absolute step from a masked pixel to its unmasked neighbour over the truth's step there."""

    def step_across(clip: U8) -> float:
        total, count = 0.0, 0
        for frame, mask in zip(clip, masks_THW, strict=True):
            for axis in (0, 1):
                first, second = _neighbours(mask, axis)
                steps = np.abs(np.diff(frame.astype(np.int16), axis=axis))[first != second]
                total += float(steps.sum())
                count += steps.size
        return total / count if count else 0.0

    return max(step_across(clip_THWC), _UNSEEN) / max(step_across(truth_THWC), _UNSEEN)


def flicker(clip_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> float:
    """Mean absolute change to the next frame, of pixels masked in both, over the truth's; nan where there is none."""

    def change(clip: U8) -> float:
        total, count = 0.0, 0
        for t in range(len(clip) - 1):
            both = masks_THW[t] & masks_THW[t + 1]
            steps = np.abs(clip[t + 1][both].astype(np.int16) - clip[t][both])
            total += float(steps.sum())
            count += steps.size
        return total / count if count else float("nan")

    ours, own = change(clip_THWC), change(truth_THWC)
    return ours if np.isnan(ours) else max(ours, _UNSEEN) / max(own, _UNSEEN)


def psnr_by_frame(clip_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio inside each frame's hole in dB; nan where a frame has none, inf where it is exact."""
    squares = [_mean_square(*pair) for pair in zip(clip_THWC, truth_THWC, masks_THW, strict=True)]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / np.array(squares))


def worse_share(ours_T: NDArray[np.float64], theirs_T: NDArray[np.float64], by_db: float, enough_db: float) -> float:
    """Share of the masked frames that are worse by more than `by_db`; where both reach `enough_db`, nobody sees it."""
    masked = ~np.isnan(ours_T)
    worse = (ours_T < theirs_T - by_db) & ~((ours_T > enough_db) & (theirs_T > enough_db))
    return float(worse[masked].mean())


def root_mean_square(clip_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> float:
    """Error inside the holes in grey levels."""
    return float(np.sqrt(_mean_square(clip_THWC, truth_THWC, masks_THW)))


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Rank correlation, -1..1; equal values share the mean of their ranks; nan where one side is all the same."""
    ranks = np.stack([_ranks(np.asarray(values, np.float64)) for values in (first, second)])
    ranks -= ranks.mean(1, keepdims=True)
    spread = float(np.sqrt(np.square(ranks).sum(1).prod()))
    return float((ranks[0] * ranks[1]).sum() / spread) if spread else float("nan")


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.empty(len(values))
    places[np.argsort(values, kind="stable")] = np.arange(len(values))
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.bincount(group, places) / sizes)[group], np.float64)


def _mean_square(clip: U8, truth: U8, mask: Bool) -> float:
    error = clip[mask].astype(np.float64) - truth[mask]
    return float(np.square(error).mean()) if error.size else float("nan")


def _neighbours(mask_HW: Bool, axis: int) -> tuple[Bool, Bool]:
    return (mask_HW[:-1], mask_HW[1:]) if axis == 0 else (mask_HW[:, :-1], mask_HW[:, 1:])
