"""What happens from a job to its report? Discover, take the lease, hand the items to an executor, keep the ledger."""

import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.cache.keeper import FlowKeeper
from pipelines.config import JobConfig, LogConfig
from pipelines.context import CONFIG, LEASE, LEDGER, REPORT, SUMMARY, RunContext
from pipelines.engines import check_weights, find_weights
from pipelines.errors import SetupError, StoreError
from pipelines.estimate import first_size, output_notes
from pipelines.executor import load_executor
from pipelines.finished_earlier import find_finished_earlier
from pipelines.flow_use import FlowUse
from pipelines.job import dump_job
from pipelines.job_paths import absolute_paths
from pipelines.lease import lease_on
from pipelines.ledger import ItemRow
from pipelines.ledger.keeper import LedgerKeeper
from pipelines.logs import LogLine, log_fields, log_format
from pipelines.manifest import discover
from pipelines.media.encoding import encoder_available
from pipelines.metrics_port import metrics_port
from pipelines.progress import Display
from pipelines.report import write_report
from pipelines.run_state import RunState
from pipelines.selection import EVERYTHING, Selection
from pipelines.stages.desk import Desk
from pipelines.stores.files import Files
from pipelines.stores.location import Location
from pipelines.summary import RunSummary, summarise
from pipelines.tasks import Failure, Item, Receipt
from pipelines.timeline import PROFILE_FOLDER, TIMELINE, Timeline

log = logging.getLogger("reelmend")


def run_job(
    job: JobConfig, display: Display, selection: Selection = EVERYTHING, *, profile: bool = False
) -> RunSummary:
    """Restore what the job names and `selection` takes up, and return how it went; the same again finishes the rest.

    With `profile`, traces of a few tasks and a timeline of all lie in `profile/` among the run's own files.

    Raises ConfigError or SetupError before any work, and KeyboardInterrupt when interrupted: ledger and report then
    show how far the run came.
    """
    try:
        items = [_absolute(item) for item in discover(job)]  # a worker's current folder is not the driver's
        job = absolute_paths(replace(job, log=LogConfig(log_format(job.log.format))))  # nor is its environment
        size = first_size(items, job)
    except StoreError as exc:
        raise SetupError(str(exc)) from exc
    context = RunContext(run_id=_new_run_id(), job=job, weights=find_weights(job), expected_size=size)
    desk = Desk(context)
    _check_machine(context, desk.files)
    check_weights(context.weights)
    executor = load_executor(job.run.executor)(context)
    with lease_on(context.work / LEASE, context.run_id, desk.files) as lease:
        desk.files.tidy(context.out)
        desk.files.write(context.work / CONFIG, dump_job(job).encode())
        for note in output_notes(items, job):
            log.warning(note)
        keeper = LedgerKeeper(context.work / LEDGER, desk.files, display, lease, context.run_id)
        items, left_out = selection.choose(items, context.work / LEDGER, desk.files)
        finished = find_finished_earlier(items, context.work / LEDGER, desk)
        flow_keeper = FlowKeeper(items, desk)

        def change(row: ItemRow, answer: Receipt | Failure | None) -> None:
            flow_keeper.change(row, answer)
            keeper.change(row, answer)

        timeline = _new_timeline(context, desk.files) if profile else None
        state = RunState(
            items,
            attempts=job.run.attempts,
            active_items=job.run.active_items,
            active_bytes=job.run.active_bytes,
            on_change=change,
            watcher=timeline,
        )
        with metrics_port(job.metrics, state.metrics.read), log_fields(run=context.run_id):
            display.start(len(items), context.run_id, context.out)
            try:
                state.settle(finished)
                keeper.begin(state.rows, left_out)
                executor.run(state)
                flow_keeper.finish()
            finally:
                display.stop()
                flow_keeper.close()
                keeper.close(halted=state.halted)
                summary = _summary(context, keeper, flow_keeper.evicted, state, left_out)
                if not lease.lost:  # else the folder's report is another run's
                    _conclude(context, desk.files, keeper, summary)
                    if timeline is not None:
                        _keep_timeline(context, desk.files, timeline)
    return summary


def _absolute(item: Item) -> Item:
    mask = item.mask and item.mask.absolute()
    return replace(item, video=item.video.absolute(), mask=mask, output=item.output.absolute())


def _summary(
    context: RunContext, keeper: LedgerKeeper, evicted: FlowUse, state: RunState, left_out: Mapping[str, int]
) -> RunSummary:
    totals = summarise(
        keeper.rows,
        evicted=evicted,
        run_id=context.run_id,
        name=context.job.name,
        engine=context.job.engine,
        executor=context.job.run.executor,
        out=str(context.out.absolute()),
        started_at=keeper.started_at,
        ended_at=time.time(),
        halted=state.halted,
        workers=state.most_workers,
        left_out=left_out,
    )
    last_values = {sample.series: sample.value for sample in state.metrics.read()}
    return replace(totals, load=state.load_meter.load().to_dict(), metrics=last_values)


def _new_timeline(context: RunContext, files: Files) -> Timeline:
    """Traces of an earlier run would be taken for this one's."""
    for entry in list(files.walk(context.work / PROFILE_FOLDER)):
        files.delete(entry.place)
    return Timeline()


def _keep_timeline(context: RunContext, files: Files, timeline: Timeline) -> None:
    try:
        files.write(context.work / PROFILE_FOLDER / TIMELINE, timeline.to_json_gz())
    except StoreError as exc:
        log.warning(LogLine(f"no timeline: {exc}"))


def _conclude(context: RunContext, files: Files, keeper: LedgerKeeper, summary: RunSummary) -> None:
    try:
        files.write(context.work / SUMMARY, json.dumps(summary.to_dict(), indent=1).encode())
        make_report(context, files, summary, keeper.all_rows())
    except StoreError as exc:
        log.warning("no report: %s", exc)


def make_report(context: RunContext, files: Files, summary: RunSummary, rows: Sequence[ItemRow]) -> Location:
    """Write the HTML report from the ledger's rows and the pictures beside it. Raises StoreError."""
    place = context.work / REPORT
    write_report(place, summary, rows, files)
    return place


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]


def _check_machine(context: RunContext, files: Files) -> None:
    """Raise SetupError where the run could write nothing: no encoder, or an output folder that takes no files."""
    codec = context.job.stitch.codec
    if not encoder_available(codec):
        raise SetupError(f"this machine's FFmpeg has no encoder for stitch.codec={codec}; see `reelmend doctor`")
    probe = context.work / ".writable"  # one name for all: what a killed run leaves of it, the next one removes
    try:
        files.write(probe, b"x")
        files.delete(probe)
    except StoreError as exc:
        raise SetupError(f"cannot write to the output folder {context.out}: {exc}") from exc
