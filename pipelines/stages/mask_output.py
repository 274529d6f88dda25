"""Output of a job that makes masks (`mode=masks`): the mask itself, as a video or a folder of images."""

from reelmend.pipelines.media.masks.writer import write_masks
from reelmend.pipelines.stages.digests import Seen
from reelmend.pipelines.stages.finished import record_finished
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.steady import sources_of, unwritten
from reelmend.pipelines.stages.there_before import Way
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.tasks import ProbeReceipt, ProbeTask


def write_mask_output(
    task: ProbeTask, record: ProbeRecord, sources: tuple[Seen, Seen], worker_context: WorkerContext
) -> ProbeReceipt:
    """Write the item's made mask, not grown by `mask.dilation`, as its output."""
    item, job = task.item, worker_context.settings(task.item)
    way = Way(item, item.output, (sources[0].digest, sources[1].digest), worker_context)
    with (
        staged(item.output, worker_context.files, worker_context.context.cache_dir, way.make) as path,
        unwritten(sources_of(item, *sources), sources, worker_context),
    ):
        written = write_masks(path, worker_context.made_mask(record.mask_key), record.info, job.stitch)
    note = "; ".join(record.mask.notes if record.mask.masked else ("nothing was found", *record.mask.notes))
    facts = record.facts() | written
    done = record_finished(item, "restored", item.output, sources, note, facts, worker_context)
    way.end()
    note = "; ".join(filter(None, [note, way.note]))
    return ProbeReceipt(task.id, frames=record.info.frames, final="restored", note=note, facts=done.facts | way.facts)
