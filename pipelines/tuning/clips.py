"""The clips that a job is tuned on: excerpts of its shortest videos, with hidden truth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reelmend.pipelines.api.array_input import U8, Bool
from reelmend.pipelines.api.runs import plan
from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError, ItemError
from reelmend.pipelines.forecast.item_estimate import PlannedItem
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.masks.reader import inspect_masks, read_masks
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.input_cache import InputCache
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.tuning.hidden import HiddenClip, hide, hide_border

_OPENED = 64
"""Items whose headers are looked at, drawn at random of larger jobs."""
_TRIED = 8
"""Videos that are decoded for a clip each, at most as many times as clips are wanted."""


@dataclass
class FoundClips:
    """Clips, and why other items gave none."""

    clips: list[HiddenClip] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def clips_of(job: JobConfig, wanted: int, frames: int) -> FoundClips:
    """Return excerpts of `frames` frames of the job's shortest items, at most `wanted` of them.

    Raises ConfigError where no item of the job gives one.
    """
    found = FoundClips()
    for planned in _shortest(job)[: _TRIED * wanted]:
        try:
            clip = _clip(planned.item, job, frames)
        except ItemError as exc:
            found.passed_over.append(f"{planned.item.id}: {exc}")
            continue
        if isinstance(clip, str):
            found.passed_over.append(f"{planned.item.id}: {clip}")
        else:
            found.clips.append(clip)
        if len(found.clips) == wanted:
            break
    if not found.clips:
        reasons = "; ".join(found.passed_over[:_TRIED]) or "no item can be opened"
        raise ConfigError(f"no clip to tune on: {reasons}")
    return found


def clip_digest(clip: HiddenClip) -> str:
    """Name the content of a clip, as it is restored."""
    found = hashlib.sha256(repr(clip.frames.shape).encode())
    for part in (clip.frames, clip.masks, clip.scored):
        found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()[:16]


def _shortest(job: JobConfig) -> list[PlannedItem]:
    """Return items that can be restored with the job's own settings, those of the fewest pixels first."""
    looked = plan(replace(job, plan=replace(job.plan, sample=min(_OPENED, job.plan.sample)))).items
    good = [one for one in looked if not one.problem and one.frames]
    alike = [one for one in good if not one.item.overrides]
    return sorted(alike or good, key=lambda one: (one.frames * one.width * one.height, one.item.id))


def _clip(item: Item, job: JobConfig, frames: int) -> HiddenClip | str:
    """Return the item's excerpt, or why there is none. Raises ItemError."""
    inputs = InputCache(RunContext("", job).cache_dir, job.store.cache_bytes, Files(job.s3))
    try:
        video = inputs.path_of(item.video)
        mask = None if item.mask is None else inputs.path_of(item.mask)
        if video is None or (mask is None and item.mask is not None):
            return "it is gone"
        with held_to(job.limits, job.limits.probe_s):
            info = inspect_video(video)
            chosen = range_of(job.frames)
            first, last = (0, info.frames) if chosen is None else chosen.of(info.pts, info.time_base, item.video)
            if job.mode is Mode.outpaint:
                start, stop = first, min(last, first + frames)
                pictures = _pictures(info, start, stop)
                return hide_border(item.id, pictures, job.outpaint.scale_w, job.outpaint.scale_h)
            if mask is None:
                return "it has no mask"
            summary = inspect_masks(mask, info, job.mask)
            excerpt = _excerpt(summary.masked, first, last, frames)
            if excerpt is None:
                return "nothing is masked"
            start, stop = excerpt
            as_read = replace(summary.as_read(job.mask), dilation=0)
            masks: Bool = np.stack(list(read_masks(mask, info, as_read, start, stop)))
            clip = hide(item.id, _pictures(info, start, stop), masks)
            return clip or "no space for a second hole"
    finally:
        inputs.release()


def _excerpt(masked: Sequence[tuple[int, int]], first: int, last: int, frames: int) -> tuple[int, int] | None:
    """Return `frames` frames of [first, last) from the start of the longest masked range on, or as many as there are."""
    inside = [(max(start, first), min(stop, last)) for start, stop in masked]
    ranges = [(stop - start, -start) for start, stop in inside if stop > start]
    if not ranges:
        return None
    start = max(first, min(-max(ranges)[1], last - frames))
    return start, min(last, start + frames)


def _pictures(info: VideoInfo, start: int, stop: int) -> U8:
    return np.stack([to_rgb(frame, info) for frame in read_frames(info, start, stop)])
