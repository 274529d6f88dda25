"""Frames in which logos are shown: by how much of their edges is there, with hysteresis."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.clip import U8, Clip
from reelmend.pipelines.media.masks.sources.overlay.logo import Logo
from reelmend.pipelines.media.masks.sources.overlay.view import View

_SURE, _LIKELY = 0.6, 0.25
"""Share of the logo's edges: a range has frames of the first, and extends over frames of the second, as in a fade."""
_SHORTEST_S, _GAP_S = 0.3, 0.3
"""A shorter range is chance; a shorter gap is a flash or a picture that hides the edges."""
_STAYS = 0.85
"""Share of the samples from a logo's first to its last that show it; what stands in the scene gets hidden by what
passes before it."""
_STEADY = 0.22
"""Standard deviation of those shares; of edges that stay by chance it is more."""
_SMOOTHED = 3
"""Frames of which the middle share counts."""


def presence(clip: Clip, view: View, logos: Sequence[Logo]) -> NDArray[np.bool_]:
    """Return for each logo and frame of the clip whether it is shown: bool [logos, frames]."""
    shares = np.stack(
        [[share_shown(view.grey(picture), logo) for logo in logos] for picture in clip.pictures(size=view.size)]
    )
    shortest, gap = (max(1, round(seconds * clip.rate)) for seconds in (_SHORTEST_S, _GAP_S))
    return np.stack([shown(one, shortest, gap) for one in shares.T])


def shown(shares: NDArray[np.floating], shortest: int, gap: int) -> NDArray[np.bool_]:
    """Return the frames [t] of ranges in which a logo is there; ranges and gaps between them last so many frames."""
    padded = np.pad(shares, _SMOOTHED // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED), axis=1)
    there = np.zeros(len(shares), np.bool_)
    for start, stop in _runs(smooth >= _LIKELY):
        there[start:stop] = bool((smooth[start:stop] >= _SURE).sum() >= min(shortest, len(shares)) / 2)
    for start, stop in _runs(~there):
        if start > 0 and stop < len(there) and stop - start < gap:
            there[start:stop] = True
    for start, stop in _runs(there):
        if stop - start < min(shortest, len(shares)):
            there[start:stop] = False
    return there


def stays(shares: NDArray[np.floating]) -> bool:
    """Whether a logo, with these shares of its edges in the samples, is there all the time from its first to last."""
    sure = np.nonzero(shares >= _SURE)[0]
    if len(sure) < len(shares) / 3:
        return False
    between = shares[sure[0] : sure[-1] + 1]
    return bool(len(sure) >= _STAYS * len(between) and between.std() <= _STEADY)


def share_shown(luma: U8, logo: Logo) -> float:
    """Return how much of the logo's edges, with their sign, a frame has: about 1 where it is shown, 0 where not."""
    left, top, right, bottom = logo.box
    height, width = luma.shape
    outer = (max(0, left - 2), max(0, top - 2), min(width, right + 2), min(height, bottom + 2))
    soft = cv2.GaussianBlur(luma[outer[1] : outer[3], outer[0] : outer[2]], (3, 3), 0).astype(np.float32)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *axis, ksize=1, scale=0.5) for axis in ((1, 0), (0, 1)))
    place = (slice(top - outer[1], bottom - outer[1]), slice(left - outer[0], right - outer[0]))
    energy = float((logo.edges**2).sum())
    # A strong edge of the background counts as no more than the logo's own.
    both = across[place] * logo.edges[0] + down[place] * logo.edges[1]
    own = (logo.edges**2).sum(axis=0)
    return float(np.clip(both, -own, 1.5 * own).sum() / energy)


def _runs(there: Bool) -> list[tuple[int, int]]:
    steps = np.diff(np.concatenate([[0], there.astype(np.int8), [0]]))
    return list(zip(np.nonzero(steps == 1)[0].tolist(), np.nonzero(steps == -1)[0].tolist(), strict=True))
