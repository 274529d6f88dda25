"""Preview of a job's results: a few seconds of some items, restored where most is masked.

It is a run of its own in the job's folder, over ranges of frames, that shares the job's store: what it computes, the
run of the whole job finds.
"""

import json
from dataclasses import dataclass, replace

from reelmend.pipelines.choices import Existing
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import EXIT_INCOMPLETE, ConfigError, ItemError, MaskError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.paths import absolute_item, absolute_paths
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.observe.progress import Display
from reelmend.pipelines.preview.mask_pictures import MaskedPictures
from reelmend.pipelines.preview.masks import spread
from reelmend.pipelines.run.driver import RunOutcome, run_items
from reelmend.pipelines.stages.probe import examine, see_sources
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.run_layout import PREVIEW
from reelmend.pipelines.tasks import Item

_SHOWN = 3
"""Problems that are printed, at most."""


@dataclass(frozen=True)
class Previewed:
    """What came of a preview."""

    outcome: RunOutcome
    not_shown: list[str]
    """Why items could not be shown."""

    @property
    def exit_status(self) -> int:
        """As of a run: 3 where some items cannot be restored."""
        return self.outcome.summary.exit_status or (EXIT_INCOMPLETE if self.not_shown else 0)


def preview_job(job: JobConfig, seconds: float, most_items: int, display: Display) -> Previewed:
    """Restore about `seconds` of up to `most_items` of a job's items, spread over it, and return how that went.

    Raises ConfigError where the job already names a range, or no item can be shown; SetupError, StoreError.
    """
    if job.frames is not None:
        raise ConfigError(f"frames={job.frames}: a preview chooses the frames itself; leave it out")
    items = [absolute_item(item) for item in spread(discover(job), most_items)]
    job = absolute_paths(job)
    context = RunContext("preview", job)
    worker_context, files = WorkerContext(context), Files(job.s3)
    rows, problems = [], []
    for item in items:
        try:
            rows.append(_row(item, worker_context, seconds))
        except ItemError as exc:
            problems.append(str(exc))
        finally:
            worker_context.inputs.release()
    if not rows:
        raise ConfigError("\n".join([f"nothing can be shown: {problems[0]}", *problems[1:_SHOWN]]))
    out = context.work / PREVIEW
    manifest = out / "items.jsonl"
    files.write(manifest, "".join(json.dumps(row) + "\n" for row in rows).encode())
    preview = replace(
        job,
        name=f"{job.name} preview",
        out=str(out),
        output=None,
        input=replace(job.input, videos=[], masks=None, manifest=str(manifest)),
        store=replace(job.store, root=str(worker_context.store.root)),
        run=replace(job.run, existing=Existing.overwrite),
    )
    return Previewed(run_items(preview, display), problems)


def _row(item: Item, worker_context: WorkerContext, seconds: float) -> dict[str, object]:
    """Return an item's row of the preview's manifest. Raises ItemError where it cannot be shown."""
    job = worker_context.settings(item)
    record, _, _ = examine(item, job, see_sources(item, worker_context), worker_context)
    start, stop = _range(item, record, worker_context, seconds)
    row: dict[str, object] = {
        "video": str(item.video),
        "mask": _mask(item),
        "output": f"{item.id}_{start}-{stop}",
        "range": f"{start}:{stop}",
        "overrides": [text for text in item.overrides if not text.startswith("frames=")],
    }
    return row | ({"fps": item.fps} if item.fps else {})


def _mask(item: Item) -> str | None:
    """Return the mask as a manifest names it, its file by an absolute path."""
    if not item.mask_expression:
        return None if item.mask is None else str(item.mask)
    return read_expression(item.mask_expression).text(None if item.mask is None else str(item.mask))


def _range(item: Item, record: ProbeRecord, worker_context: WorkerContext, seconds: float) -> tuple[int, int]:
    """Return the frames [start, stop) in which most is masked; of an extended picture, those in the middle."""
    mask = worker_context.mask_of(item, record.mask_key)
    frames = record.info.frames
    if mask is None:
        length = min(frames, max(1, round(seconds * float(record.info.rate))))
        return (frames - length) // 2, (frames + length) // 2
    if not record.mask.masked:
        raise MaskError(f"{item.video}: nothing is masked ({'; '.join(record.mask.notes) or 'the mask is empty'})")
    return MaskedPictures(record, mask, worker_context.settings(item).mask).busiest(seconds)
