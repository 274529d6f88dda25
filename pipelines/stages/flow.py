"""How does optical flow get into the cache? A segment at a time, once, whatever mask or canvas will use it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core_model.device_memory import DeviceFull
from pipelines.canvas import canvas_of
from pipelines.canvas_flow import canvas_flow_size, lay_flow
from pipelines.config import JobConfig
from pipelines.errors import MemoryShort, NotFinite
from pipelines.flow_cache import decode_flow, encode_flow, segment_key
from pipelines.media.reader import read_frames, to_rgb
from pipelines.sizes import flow_size
from pipelines.stages.desk import Desk
from pipelines.stages.record import ProbeRecord
from pipelines.store import get_or_make
from pipelines.tasks import Receipt, Segment, Task


def flow(task: Task, desk: Desk) -> Receipt:
    assert task.segment is not None
    job, record = desk.settings(task.item), desk.record(task)
    blob, reused = ensure_segment(task.segment, record, job, desk)
    frames = task.segment.stop - task.segment.start
    return Receipt(task.id, reused=reused, frames=frames, bytes_written=0 if reused else len(blob))


def ensure_segment(segment: Segment, record: ProbeRecord, job: JobConfig, desk: Desk) -> tuple[bytes, bool]:
    """Return (encoded flow, was it cached), computing and publishing it where it is absent or damaged."""
    key = segment_key(record.video_digest, segment, flow_size(record.size, job), desk.flow.digest)
    return get_or_make(desk.flow_store, key, lambda: _compute(segment, record, job, desk))


def read_pairs(
    start: int, stop: int, segments: Sequence[Segment], record: ProbeRecord, job: JobConfig, desk: Desk
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Return forward and backward flow of frame pairs [start, stop), float16 [pairs, 2, h, w], on the item's canvas."""
    canvas = canvas_of(record.info, job)
    width, height = size = canvas_flow_size(canvas, job)
    pairs = np.empty((2, stop - start, 2, height, width), np.float16)
    for segment in segments:
        first, last = max(start, segment.start), min(stop, segment.stop)
        if first < last:
            both = decode_flow(ensure_segment(segment, record, job, desk)[0])
            for laid, measured in zip(pairs, both, strict=True):
                wanted = measured[first - segment.start : last - segment.start]
                laid[first - start : last - start] = lay_flow(wanted, canvas, size)
    return pairs[0], pairs[1]


def _compute(segment: Segment, record: ProbeRecord, job: JobConfig, desk: Desk) -> bytes:
    size = flow_size(record.size, job)
    frames = [to_rgb(frame, record.info, size) for frame in read_frames(record.info, segment.start, segment.stop + 1)]
    try:
        return encode_flow(*desk.flow.estimate(np.stack(frames)))
    except DeviceFull as exc:
        desk.memory_steps += 1
        raise MemoryShort(f"{record.info.path}: {exc}; set flow.max_side lower") from exc
    except FloatingPointError as exc:
        raise NotFinite(f"{record.info.path}: {exc}; set propainter.precision=fp32, or check the weights") from exc
