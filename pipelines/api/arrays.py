"""Restoration of a clip in memory: arrays in, arrays out."""

import logging
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.api.array_input import U8, FramesLike, MasksLike, check_frames, check_masks
from reelmend.pipelines.api.memory_context import MemoryContext, source_in_memory
from reelmend.pipelines.api.progress import ProgressCallback, ProgressMeter
from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import find_spec
from reelmend.pipelines.errors import ArrayError, ConfigError
from reelmend.pipelines.job.load import ITEM_SECTIONS, load_job
from reelmend.pipelines.media.arrays import ArrayMask, ArrayVideo
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of
from reelmend.pipelines.media.canvas.framing import on_canvas
from reelmend.pipelines.media.canvas.masks import inspect_canvas_masks
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.stages.inpaint import inpaint
from reelmend.pipelines.stages.probe import FrameSurvey, plan_of
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.stitch import PatchTrack
from reelmend.pipelines.tasks import InpaintTask, Item, ItemPlan, StitchTask

log = logging.getLogger("reelmend")

SECTIONS = tuple(name for name in ITEM_SECTIONS if name not in ("stitch", "frames"))
"""Sections of a job that say something about arrays, besides the engine's own. A range of frames is a slice."""
_PROBE_SHARE = 0.05
"""Of the time, about, that looking for shots takes."""
_FRAMES, _MASKS = Path("frames"), Path("masks")
_ONE_AT_A_TIME = threading.RLock()
"""Engines use all cores or the GPU, and progress is counted once per process."""


def restore(
    frames: FramesLike,
    masks: MasksLike | None,
    engine: str = "propagation",
    *,
    fps: float = 25.0,
    progress: ProgressCallback | None = None,
    settings: Mapping[str, object] | None = None,
) -> NDArray[np.uint8]:
    """Fill the masked pixels of a clip in memory.

    The pixels are those that `reelmend run` writes with a lossless codec for an RGB video of these frames: shots,
    blocks and regions are the same. No file is written, and Ray is not started. Calls from several threads run one
    after the other.

    Args:
        frames: RGB frames, uint8 [T, H, W, 3], or an iterable of frames [H, W, 3]. Never modified.
        masks: bool [T, H, W], True where content is missing, or [H, W] for all frames. uint8 is read like the levels
            of a mask file. None only in outpainting.
        engine: Name of the engine: propagation, propainter, auto, or one that a plug-in registers.
        fps: Frames per second of the clip. The built-in engines do not depend on it.
        progress: Function that is called with a `ProgressUpdate` a few times per second.
        settings: Settings by their key in a job file, such as {"mask.dilation": 8, "process.max_side": 0}: mode, and
            those of the sections mask, process, flow, plan, outpaint and of the engine.

    Returns:
        The restored frames, a new array uint8 [T, H, W, 3]; in outpainting, of the larger size. Pixels that are not
        masked are those of `frames`. `mask.dilation`, 4 pixels by default, grows the mask first.

    Raises:
        ArrayError: Frames or masks have a wrong shape or type. It is a ValueError too.
        ConfigError: A setting does not exist, or has a wrong value.
        SetupError: The weights of the engine are missing.
        MemoryShort: The GPU's memory is insufficient.
    """
    job = _job_of(engine, settings or {})
    video = ArrayVideo.of(check_frames(frames), _rate(fps))
    needs_none = masks is None and job.mode is Mode.outpaint
    mask = None if needs_none else ArrayMask(check_masks(masks, video.pictures))
    with _ONE_AT_A_TIME, held_to(job.limits):
        return restore_clip(MemoryContext(job, mask), video, ProgressMeter(progress))


def restore_clip(context: MemoryContext, video: ArrayVideo, meter: ProgressMeter) -> U8:
    """Restore a clip whose mask the context holds; see `restore`."""
    job, mask = context.context.job, context.mask
    canvas = canvas_of(video, job)
    on_canvas(video, canvas)  # raises where that is too large
    record = context.probed = _probe(video, mask, job, canvas, meter)
    for note in record.mask.notes:
        log.warning("the mask: %s", note)
    laid = np.zeros((video.frames, canvas.height, canvas.width, 3), np.uint8)
    laid[:, canvas.inside[0], canvas.inside[1]] = video.pictures
    if not record.mask.masked:
        log.warning("the mask is empty: the frames are returned unchanged")
        meter.tell(1.0, 0, "done", last=True)
        return laid
    item = Item("frames", _FRAMES, None if mask is None else _MASKS, Path("restored"))
    plan = plan_of(record, "", job)
    frames = _inpaint(item, plan, context, meter)
    patches = PatchTrack(StitchTask(item, plan), context)
    for index, frame in enumerate(laid):
        patch = patches.at(index)
        if patch is not None:
            height, width = patch.mask.shape
            hole = frame[patch.top : patch.top + height, patch.left : patch.left + width]
            hole[patch.mask] = patch.rgb[patch.mask]
    for note in patches.notes:
        log.warning(note)
    meter.tell(1.0, frames, "done", last=True)
    return laid


def _probe(
    video: ArrayVideo, mask: ArrayMask | None, job: JobConfig, canvas: Canvas, meter: ProgressMeter
) -> ProbeRecord:
    """Find shots and holes, as the probe of a run does."""
    survey = FrameSurvey(job)
    for index, frame in enumerate(read_frames(video, 0, video.frames)):
        survey.see(index, frame)
        meter.tell(_PROBE_SHARE * index / video.frames, 0, "probe")
    summary = inspect_canvas_masks(mask, video, job.mask, canvas)
    sources = source_in_memory(_FRAMES), None if mask is None else source_in_memory(_MASKS)
    digests = sources[0].digest, "" if sources[1] is None else sources[1].digest
    return replace(survey.record(video, *digests, summary, mask), sources=sources)


def _inpaint(item: Item, plan: ItemPlan, context: MemoryContext, meter: ProgressMeter) -> int:
    """Compute the parts of all blocks into the context's store, and return how many frames they hold."""
    total = sum(chunk.frames for chunk in plan.chunks)

    def sign() -> None:
        done = PROGRESS.frames
        meter.tell(_PROBE_SHARE + (1 - _PROBE_SHARE) * done / total, int(done), "inpaint")

    with _counted(), PROGRESS.heard_by(sign):
        for chunk in plan.chunks:
            inpaint(InpaintTask(item, plan, chunk), context)
    return total


@contextmanager
def _counted() -> Iterator[None]:
    """Inside, frames count from 0."""
    PROGRESS.begin_task()
    try:
        yield
    finally:
        PROGRESS.begin_task()


def _job_of(engine: str, settings: Mapping[str, object]) -> JobConfig:
    spec = find_spec(engine)
    useful = (*SECTIONS, engine, *(("refine", *spec.hybrid_of) if spec and spec.hybrid_of else ()))
    for key in settings:
        section = str(key).partition(".")[0]
        if section == "engine":
            raise ConfigError("settings: pass the engine as an argument: restore(frames, masks, engine='propainter')")
        if section in JobConfig.__dataclass_fields__ and section not in useful:
            raise ConfigError(f"settings: {key} has no effect on arrays; only settings of {', '.join(useful)} do")
    return load_job(flags={**settings, "engine": engine}, origin="settings")


def _rate(fps: float) -> Fraction:
    if isinstance(fps, bool) or not isinstance(fps, int | float | Fraction) or not math.isfinite(fps) or fps <= 0:
        raise ArrayError(f"fps: expected a positive number of frames per second, got {fps!r}")
    return Fraction(fps).limit_denominator(1001)
