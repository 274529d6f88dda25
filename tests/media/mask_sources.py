"""Asking a mask source about a clip."""

from itertools import pairwise
from pathlib import Path

from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.clip import Clip


def search_of(path: Path, region: Box | None = None, cuts: tuple[int, ...] = (), sensitivity: float = 0.5) -> Search:
    """Return a search over a whole clip; `cuts`: first frames of its shots but the first."""
    info = inspect_video(path)
    edges = (0, *cuts, info.frames)
    clip = Clip(info, 0, info.frames, tuple(pairwise(edges)))
    return Search(clip, FindConfig(damage_sensitivity=sensitivity), region)


def masks_of(source: MaskSource, search: Search) -> list[Bool]:
    """Return a mask per frame, of the clip's size each."""
    masks = list(source.find(search))
    width, height = search.clip.size
    assert [mask.shape for mask in masks] == [(height, width)] * search.clip.info.frames
    return masks
