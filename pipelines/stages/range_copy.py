"""Output of a range of frames that has no missing pixels: encoded as they are."""

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.excerpt import excerpt_of
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.writer import VideoWriter
from reelmend.pipelines.stages.digests import Seen
from reelmend.pipelines.stages.finished import record_finished
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.steady import sources_of, unwritten
from reelmend.pipelines.stages.there_before import Way
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.tasks import ProbeReceipt, ProbeTask


def copy_range(
    task: ProbeTask,
    record: ProbeRecord,
    frames: tuple[int, int],
    sources: tuple[Seen, Seen],
    worker_context: WorkerContext,
) -> ProbeReceipt:
    """Write frames [start, stop), in which no pixel is missing, as the item's output."""
    item, job = task.item, worker_context.settings(task.item)
    info, excerpt = excerpt_of(record.info, frames)
    way = Way(item, item.output, (sources[0].digest, sources[1].digest), worker_context)
    with (
        staged(item.output, worker_context.files, worker_context.context.cache_dir, way.make) as path,
        unwritten(sources_of(item, *sources)[:1], sources, worker_context),
    ):
        with VideoWriter(path, info, job.stitch, excerpt) as writer:
            for frame in read_frames(record.info, *frames):
                writer.write(frame)
                PROGRESS.frame()
        written = verify_output(path, info, job.stitch, excerpt)
    why = f"the mask is empty in frames {frames[0]}:{frames[1]}: they were encoded unchanged to {item.output}"
    note = "; ".join([why, *check_output(info, job.stitch), *writer.remarks])
    facts = record.facts(frames) | written
    done = record_finished(item, "untouched", item.output, sources, note, facts, worker_context)
    way.end()
    note = "; ".join(filter(None, [note, way.note]))
    return ProbeReceipt(task.id, frames=info.frames, final="untouched", note=note, facts=done.facts | way.facts)
