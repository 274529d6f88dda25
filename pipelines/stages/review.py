"""Confidence in an item's result, and whether a person should look at it.

The stitch measures: score and what it rests on become facts of the item's record. Whether that is enough depends on
`quality.review_below` alone, which is not part of any identity, so that the verdict is made again whenever the item is
found finished.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from reelmend.core_model.quality import FrameQuality, HoleQuality, summarize_quality
from reelmend.pipelines.storage.ledger import Facts, ItemFacts

_WINDOW_FRAMES = 10  # of the video: less than half a second, about what a viewer sees as one moment
SCORE_DIGITS = 4
"""Behind the point: shares to a hundredth of a per cent."""
_PX = 1_000_000
"""Masked pixels of a made-up frame: shares of them are as fine as those of the facts."""
_WHOLE = 0.995
"""Share that is shown as 100%."""

FrameRows = Sequence[tuple[int, FrameQuality]]
"""Frames of the video that have a hole, in order, each once."""


def quality_facts(frames: FrameRows) -> Facts:
    """Return what the ledger holds of an item's quality; nothing of one without a hole."""
    if not frames:
        return {}
    measured = summarize_quality(quality for _, quality in frames)
    facts: Facts = {f"quality_{name}": round(value, SCORE_DIGITS) for name, value in measured._asdict().items()}
    return facts | {"quality_worst_frame": worst_moment(frames)[1]}


def with_verdict(facts: Facts, review_below: float) -> Facts:
    """Return an item's facts with `review`, 0 or 1, and where it is 1 `review_reason`, in place of an earlier verdict.

    Items that were never measured get none.
    """
    kept = replace(ItemFacts.from_map(facts), review=None, review_reason=None)
    quality = _measured(facts)
    if quality is None:
        return kept.to_map()
    if quality.score >= review_below:
        return replace(kept, review=0).to_map()
    return replace(kept, review=1, review_reason=main_reason(quality)).to_map()


def main_reason(quality: HoleQuality) -> str:
    """Say for a person what lowers the score most: what would raise it most if it were perfect."""
    told = {
        f"what fills the hole comes from {quality.seen_away:.0f} frames away on average": quality._replace(
            seen_away=0.0
        ),
        f"flickers {quality.flicker:.1f} times as much as its surroundings": quality._replace(
            flicker=min(quality.flicker, 1.0)
        ),
    }
    rim = f"the fill does not match its surroundings (rim mismatch {quality.rim_mismatch:.0f} levels)"
    if quality.invented_share > 0.5:  # what is made up misses the rim because it is made up
        told[_invented(quality)] = quality._replace(seen_share=1.0, rim_mismatch=0.0)
    else:
        told |= {_invented(quality): quality._replace(seen_share=1.0), rim: quality._replace(rim_mismatch=0.0)}
    return max(told, key=lambda reason: _score(told[reason]))


def _invented(quality: HoleQuality) -> str:
    share = 1 - quality.seen_share
    return "the hole was never visible" if share >= _WHOLE else f"{share:.0%} of the hole was never visible"


def _score(quality: HoleQuality) -> float:
    """The score of a frame that measures so, whatever formula scores go by."""
    seen_px = round(quality.seen_share * _PX)
    away_sum = round(quality.seen_away * seen_px)
    return summarize_quality([FrameQuality(_PX, seen_px, away_sum, quality.rim_mismatch, quality.flicker)]).score


def worst_moment(frames: FrameRows) -> tuple[float, int]:
    """Return the score of the worst window and its worst frame.

    One frame that is bad by chance is not what a viewer sees.
    """
    windows = [list(window) for _, window in groupby(frames, lambda row: row[0] // _WINDOW_FRAMES)]
    score, worst = min(
        ((summarize_quality(quality for _, quality in window).score, window) for window in windows),
        key=lambda each: each[0],
    )
    return score, min(worst, key=lambda row: summarize_quality([row[1]]).score)[0]


def _measured(facts: Facts) -> HoleQuality | None:
    """Return what the facts say; None where they say nothing, or, written by somebody else, nothing of use."""
    try:
        quality = HoleQuality(*(float(facts[f"quality_{name}"]) for name in HoleQuality._fields))
    except (KeyError, ValueError, TypeError):
        return None
    return quality if all(map(math.isfinite, quality)) else None
