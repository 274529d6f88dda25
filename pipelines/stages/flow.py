"""The way of optical flow into the cache and out of it: a segment at a time, measured once."""

import time
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.device.memory_ladder import GIVE_UP, STEPS
from reelmend.core_model.engine import DeviceFull, Float
from reelmend.core_model.progress import SKIPPED
from reelmend.core_model.regions import Region
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.region_sizes import measured_size
from reelmend.pipelines.engines.registry import engine_of, measures_on_gpu
from reelmend.pipelines.errors import MemoryShort, NotFinite
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of
from reelmend.pipelines.media.canvas.flow import canvas_flow_size, lay_flow
from reelmend.pipelines.media.crop import region_to_rgb
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.read_ahead import DecodedFlow, FlowAhead
from reelmend.pipelines.stages.steady import held_to
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_or_make
from reelmend.pipelines.storage.flow_cache.codec import Cost, cost_of, decode_flow, encode_flow
from reelmend.pipelines.storage.flow_cache.keys import segment_key
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.tasks import FlowReceipt, FlowTask, Segment


def flow(task: FlowTask, worker_context: WorkerContext) -> FlowReceipt:
    job, record = worker_context.planned_settings(task), worker_context.record(task)
    blob, reused = _ensure_segment(task.segment, record, job, worker_context)
    worker_context.flow_use += _saving(cost_of(blob)) if reused else FlowUse(computed=1)
    frames = task.segment.stop - task.segment.start
    return FlowReceipt(task.id, reused=reused, frames=frames, bytes_written=0 if reused else len(blob))


def _saving(cost: Cost) -> FlowUse:
    if cost.on_gpu:
        return FlowUse(found=1, gpu_seconds_saved=cost.seconds)
    return FlowUse(found=1, cpu_seconds_saved=cost.seconds)


def _ensure_segment(
    segment: Segment, record: ProbeRecord, job: JobConfig, worker_context: WorkerContext
) -> tuple[bytes, bool]:
    """Return (encoded flow, was it cached), computing and publishing it where it is absent or damaged."""
    size = measured_size(segment.region, record.size, job)
    key = segment_key(record.video_digest, segment, size, worker_context.flow.digest)
    damaged = worker_context.flow_store.damaged
    blob, found = get_or_make(
        worker_context.flow_store, key, lambda: _compute_held(segment, record, job, worker_context)
    )
    moved = FlowUse(bytes_read=len(blob)) if found else FlowUse(bytes_written=len(blob))
    worker_context.flow_use += moved + FlowUse(damaged=worker_context.flow_store.damaged - damaged)
    return blob, found


def read_pairs(
    region: Region | None,
    wanted: Sequence[int],
    segments: Sequence[Segment],
    record: ProbeRecord,
    job: JobConfig,
    worker_context: WorkerContext,
    ahead: FlowAhead | None = None,
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Return forward and backward flow of pairs of frames, whose numbers rise, float16 [pairs, 2, h, w], of a region.

    Without one it is that of the item's whole canvas. `segments` are the region's own; `ahead` may have some already.
    """
    canvas = canvas_of(record.info, job) if region is None else Canvas.of(region.size)
    width, height = size = canvas_flow_size(canvas, job) if region is None else measured_size(region, record.size, job)
    pairs = np.empty((2, len(wanted), 2, height, width), np.float16)
    for segment in segments:
        places = slice(bisect_left(wanted, segment.start), bisect_left(wanted, segment.stop))
        own = [pair - segment.start for pair in wanted[places]]
        if own:
            both = _taken(segment, own, ahead, worker_context)
            if both is None:
                blob, found = _ensure_segment(segment, record, job, worker_context)
                if not found:
                    worker_context.flow_use += FlowUse(computed=1) if segment.on_demand else FlowUse(computed_again=1)
                both = decode_flow(blob, own[0], own[-1] + 1)
            if len(own) < both.shape[1]:
                both = both[:, [pair - own[0] for pair in own]]
            for laid, measured in zip(pairs, both, strict=True):
                laid[places] = lay_flow(measured, canvas, size)
    return pairs[0], pairs[1]


def _taken(
    segment: Segment, own: Sequence[int], ahead: FlowAhead | None, worker_context: WorkerContext
) -> NDArray[np.float16] | None:
    """Return the flow of a segment's pairs from the first to the last of `own`, None where it was not read ahead."""
    decoded = None if ahead is None else ahead.take(segment)
    if decoded is None:
        return None
    worker_context.flow_use += FlowUse(bytes_read=decoded.packed_bytes)
    return decoded.flows[:, own[0] : own[-1] + 1]


def load_ahead(
    segment: Segment, record: ProbeRecord, job: JobConfig, worker_context: WorkerContext
) -> DecodedFlow | None:
    """Return a segment's flow if it is in the cache and sound; nothing is measured, deleted or counted."""
    size = measured_size(segment.region, record.size, job)
    blob = worker_context.flow_store.peek(segment_key(record.video_digest, segment, size, worker_context.flow.digest))
    return None if blob is None else DecodedFlow(decode_flow(blob), len(blob))


def _compute_held(segment: Segment, record: ProbeRecord, job: JobConfig, worker_context: WorkerContext) -> bytes:
    with held_to(record, worker_context, mask=False):
        return _compute(segment, record, job, worker_context)


def _compute(segment: Segment, record: ProbeRecord, job: JobConfig, worker_context: WorkerContext) -> bytes:
    began = time.monotonic()
    size, region = measured_size(segment.region, record.size, job), segment.region
    shown = None if segment.moving is None else {segment.start, *(pair + 1 for pair in segment.moving)}
    frames = [
        to_rgb(frame, record.info, size) if region is None else region_to_rgb(frame, record.info, region, size)
        for index, frame in enumerate(read_frames(record.info, segment.start, segment.stop + 1), segment.start)
        if shown is None or index in shown
    ]
    try:
        stacked = np.stack(frames)
        skipped = SKIPPED.raft_iterations
        with worker_context.model_clock.running():
            flows = worker_context.computing_flow.estimate(stacked)
        worker_context.flow_use += FlowUse(iterations_skipped=SKIPPED.raft_iterations - skipped)
    except DeviceFull as exc:
        STEPS.take(GIVE_UP)
        raise MemoryShort(f"{record.info.path}: {exc}; lower flow.max_side") from exc
    except FloatingPointError as exc:
        raise NotFinite(f"{record.info.path}: {exc}; {engine_of(job).if_not_finite}") from exc
    if segment.moving is not None:
        flows = _laid_apart(flows, segment)
    return encode_flow(*flows, Cost(time.monotonic() - began, measures_on_gpu(job)))


def _laid_apart(flows: tuple[Float, Float], segment: Segment) -> tuple[Float, Float]:
    """Return the flow of all pairs of a segment from that of those that move; of the others it is zero."""
    assert segment.moving is not None
    places = [pair - segment.start for pair in segment.moving]
    forward, backward = (np.zeros((segment.stop - segment.start, *flow.shape[1:]), flow.dtype) for flow in flows)
    forward[places], backward[places] = flows
    return forward, backward
