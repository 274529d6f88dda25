"""Doubts about a mask, in words that say what to do.

A mask is read as it most likely is meant, and whatever could be meant otherwise is said: on the screen, in the ledger,
in the report.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.levels import U8
from reelmend.pipelines.media.records import VideoHeader, VideoInfo

MOST_COVERED = 0.5
"""Share of the picture from which on a mask may be an inverted one."""
LEAST_COVERED = 2e-5
"""Share of the picture below which a mask, grown, covers nothing that a person would mark: 41 pixels of full HD."""
INVERTED = "is it inverted? White is removed, black is kept; mask.invert=true swaps them"
_DIM_SHARE = 1 / 3
"""Of the pixels that are not black, those that are not missing either, from which on few levels may be labels."""
_FEW_LEVELS = 16
"""Soft edges have more."""
_LARGEST_LABEL = 32
"""Labels are numbered from 1; no soft mask is so dark all over."""


@dataclass
class LevelCount:
    """How many pixels of a mask's images have each level."""

    of_level: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    lossless: bool = True
    brightest: int = 0

    def see_image(self, levels: U8, *, lossless: bool) -> None:
        self.of_level += np.bincount(levels.ravel(), minlength=256)
        self.lossless &= lossless
        self.brightest = max(self.brightest, int(levels.max()))

    def see_frame(self, levels: U8) -> None:
        """Of a video: its noise tells nothing, and counting takes time."""
        self.lossless = False
        self.brightest = max(self.brightest, int(levels.max()))

    def are_labels(self, threshold: int) -> bool:
        """Whether nothing is above the threshold and what is not black can only be labels: one level, or small ones."""
        levels = np.flatnonzero(self.of_level)
        if not self.lossless or not 0 < self.brightest <= threshold or levels[0] != 0:
            return False
        return levels.size == 2 or self.brightest <= _LARGEST_LABEL

    def labels_note(self, threshold: int) -> str:
        levels = ", ".join(map(str, np.flatnonzero(self.of_level)[1:9]))
        return f"no level is above mask.threshold={threshold}: read as labels ({levels}), all of which count as missing"

    def note(self, threshold: int) -> str:
        """What to say of a mask that was read by the threshold; empty where nothing is odd."""
        if 0 < self.brightest <= threshold:
            return (
                f"its brightest level is {self.brightest} of 255, not above mask.threshold={threshold}: set a lower "
                "threshold, or paint missing pixels white"
            )
        dim, bright = int(self.of_level[1 : threshold + 1].sum()), int(self.of_level[threshold + 1 :].sum())
        if dim > (dim + bright) * _DIM_SHARE and np.count_nonzero(self.of_level) <= _FEW_LEVELS:
            return (
                f"{dim / (dim + bright):.0%} of the non-black pixels are not above mask.threshold={threshold} and was left "
                "out: if its levels are labels, set mask.threshold=0"
            )
        return ""


def coverage_note(covered: int, masked_frames: int, full_frames: int, info: VideoInfo, *, is_made: bool = False) -> str:
    """What to say of how much a mask covers: `covered` pixels of `masked_frames` frames, all of `full_frames`.

    One that was made may be of specks, and is complete where a source has found them.
    """
    share = covered / (masked_frames * info.width * info.height) if masked_frames else 0.0
    if full_frames == info.frames:
        return (
            "it covers every pixel of every frame, so the whole result is invented: is it inverted, or all white? "
            "White is removed, black is kept; mask.invert=true swaps them"
        )
    if 0 < share < LEAST_COVERED and not is_made:
        return (
            f"it covers {share:.4%} of the picture, a few single pixels: is it the right mask, and does "
            "mask.threshold fit it?"
        )
    if share > MOST_COVERED:
        return f"it covers {share:.0%} of the picture, which leaves little to restore from: {INVERTED}"
    if full_frames:
        return f"it covers the whole picture of {full_frames} of {info.frames} frames"
    return ""


def size_note(size: tuple[int, int], info: VideoInfo | VideoHeader, own_rotation: int = 0) -> str:
    """What to say of a mask of another shape that was stretched onto its video; `size` is its (width, height)."""
    width, height = size if own_rotation % 180 == 0 else size[::-1]
    for seen_w, seen_h in (info.display_size, (info.width, info.height)):
        stretch = float(info.sample_aspect)
        for factor in {1.0, stretch, 1 / stretch}:
            if abs(width * seen_h / seen_w - height * factor) <= max(1.0, seen_h / seen_w, height / seen_h):
                return ""
    return (
        f"it has {width}x{height} pixels, the video {info.width}x{info.height}: not quite the same shape, so it "
        "was stretched; does it belong to another clip?"
    )


def threshold_of(levels: U8, *, lossless: bool, threshold: int) -> int:
    """Return the level above which pixels of a mask that is one image are missing: 0 where its levels are labels."""
    count = LevelCount()
    count.see_image(levels, lossless=lossless)
    return 0 if count.are_labels(threshold) else threshold
