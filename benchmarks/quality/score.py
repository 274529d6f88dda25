"""The figures of a case: the engine against per-frame baselines, an older engine and the truth."""

import math
import time
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.quality.against import OtherRevision, Timed
from benchmarks.quality.cases import Case, painted
from benchmarks.quality.holes import grown
from benchmarks.quality.measures import flicker, psnr_by_frame, root_mean_square, seam, texture, worse_share
from benchmarks.quality.region import RestoredRegion, region_of, restore_region
from benchmarks.quality.shiftmap import Shiftmap, spread_frames
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.metrics import psnr, warping_error
from reelmend.core_model.quality import measure_quality, summarize_quality

WINDOW = 10
WORSE_DB, ENOUGH_DB = 1.0, 45.0
_UNKNOWN = float("nan")


class Speed(NamedTuple):
    """Frames a second, flow both ways included; nan if the older engine was not run."""

    ours: float
    old: float
    ours_cpu: float
    """Frames a second of the processor's time."""
    old_cpu: float


class Score(NamedTuple):
    """A case's figures; nan where one has no meaning there or was not asked for."""

    name: str
    group: str
    speed: Speed
    quality: float
    """The engine's own score, 0..1."""
    windows: tuple[tuple[float, float], ...] = ()
    """(engine's score, error in grey levels) of every ten frames."""
    error: float = _UNKNOWN
    """Grey levels, over all frames."""
    telea_db: float = _UNKNOWN
    ours_db: float = _UNKNOWN
    old_db: float = _UNKNOWN
    worse: float = _UNKNOWN
    """Share of the masked frames that are worse than Telea's."""
    texture: float = _UNKNOWN
    seam: float = _UNKNOWN
    flicker: float = _UNKNOWN
    warping: float = _UNKNOWN
    """Warping error over Telea's."""
    shiftmap_db: float = _UNKNOWN
    """SHIFTMAP + blending on its few frames; the next three are of the same frames."""
    ours_there_db: float = _UNKNOWN
    seam_there: float = _UNKNOWN
    shiftmap_seam: float = _UNKNOWN

    @property
    def gain_db(self) -> float:
        return self.ours_db - self.telea_db

    @property
    def gain_over_shiftmap_db(self) -> float:
        return self.ours_there_db - self.shiftmap_db

    @property
    def gain_over_old_db(self) -> float:
        return self.ours_db - self.old_db


class Pictures(NamedTuple):
    """What a contact sheet shows."""

    hidden: U8
    telea: U8
    ours: U8
    old: U8 | None
    shiftmap: dict[int, U8]
    """Frame number -> SHIFTMAP + blending."""


def score(
    case: Case, dilation: int, shiftmap: Shiftmap | None, other: OtherRevision | None, repeats: int
) -> tuple[Score, Pictures]:
    """Restore a case `repeats` times and measure it."""
    hidden, holes = case.hidden, grown(case.masks, dilation)
    engine_input = painted(hidden, holes)
    ours, old, speed = _timed(engine_input, holes, other, repeats)
    pictures = Pictures(hidden, _telea(hidden, holes), ours.frames, old, {})
    if shiftmap:
        few = spread_frames(case.masks)
        blended = shiftmap.restore(engine_input, holes, region_of(holes), few)
        pictures = pictures._replace(shiftmap=dict(zip(few, blended, strict=True)))
    quality, windows = _own_score(case, holes, ours)
    return _figures(case, Score(case.name, case.group, speed, quality, windows), pictures), pictures


def _figures(case: Case, begun: Score, shown: Pictures) -> Score:
    """Add what the truth is needed for."""
    truth, masks, ours = case.truth, case.masks, shown.ours
    ours_T, telea_T = psnr_by_frame(ours, truth, masks), psnr_by_frame(shown.telea, truth, masks)
    full = begun._replace(
        error=root_mean_square(ours, truth, masks),
        telea_db=psnr(shown.telea, truth, masks),
        ours_db=psnr(ours, truth, masks),
        old_db=_UNKNOWN if shown.old is None else psnr(shown.old, truth, masks),
        worse=worse_share(ours_T, telea_T, WORSE_DB, ENOUGH_DB),
        texture=texture(ours, truth, masks),
        seam=seam(ours, truth, masks),
        flicker=flicker(ours, truth, masks),
        warping=_warping(case, ours, shown.telea) if case.group == "moving" else _UNKNOWN,
    )
    if not shown.shiftmap:
        return full
    few, blended = [*shown.shiftmap], np.stack([*shown.shiftmap.values()])
    return full._replace(
        shiftmap_db=psnr(blended, truth[few], masks[few]),
        ours_there_db=psnr(ours[few], truth[few], masks[few]),
        seam_there=seam(ours[few], truth[few], masks[few]),
        shiftmap_seam=seam(blended, truth[few], masks[few]),
    )


def _timed(
    hidden: U8, holes: Bool, other: OtherRevision | None, repeats: int
) -> tuple[RestoredRegion, U8 | None, Speed]:
    """The two engines take turns, so that what else goes on slows both down; the fastest turn of each counts."""
    seconds, cpu_seconds, theirs = math.inf, math.inf, Timed(hidden, math.inf, math.inf)
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        ours = restore_region(hidden, holes)
        seconds = min(seconds, time.perf_counter() - began)
        cpu_seconds = min(cpu_seconds, time.process_time() - began_cpu)
        if other:
            again = other.restore(hidden, holes)
            theirs = Timed(again.frames, min(theirs.seconds, again.seconds), min(theirs.cpu_seconds, again.cpu_seconds))
    frames = len(hidden)
    if other is None:
        return ours, None, Speed(frames / seconds, _UNKNOWN, frames / cpu_seconds, _UNKNOWN)
    speed = Speed(frames / seconds, frames / theirs.seconds, frames / cpu_seconds, frames / theirs.cpu_seconds)
    return ours, theirs.frames, speed


def _telea(hidden: U8, holes: Bool) -> U8:
    """Frame by frame, on what encloses the holes (the same picture, and sooner done)."""
    region = region_of(holes)
    telea = hidden.copy()
    for frame, hole in zip(telea[region.slices], holes[region.slices], strict=True):
        if hole.any():
            filled = cv2.inpaint(np.ascontiguousarray(frame), hole.astype(np.uint8), 4, cv2.INPAINT_TELEA)
            frame[hole] = filled[hole]
    return telea


def _warping(case: Case, clip: U8, telea: U8) -> float:
    true_flow = DisFlow().estimate(case.truth)
    ours, theirs = (warping_error(side, case.masks, *true_flow) for side in (clip, telea))
    return ours / theirs


def _own_score(case: Case, holes: Bool, ours: RestoredRegion) -> tuple[float, tuple[tuple[float, float], ...]]:
    """What a run would say of the item, and of every ten frames beside their true error."""
    cut = ours.region.slices
    rows = measure_quality(ours.frames[cut], holes[cut], ours.away, ours.miss)
    windows = []
    for start in range(0, len(rows), WINDOW):
        span = slice(start, start + WINDOW)
        if case.masks[span].any():
            error = root_mean_square(ours.frames[span], case.truth[span], case.masks[span])
            windows.append((summarize_quality(rows[span]).score, error))
    return summarize_quality(rows).score, tuple(windows)
