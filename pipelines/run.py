"""What happens from a job to its report? Discover, take the lease, hand the items to an executor, keep the ledger."""

import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from pipelines.cache.flow_use import FlowUse
from pipelines.cache.keeper import FlowKeeper
from pipelines.config import JobConfig, LogConfig
from pipelines.context import CONFIG, LEASE, LEDGER, PREDICTION, REPORT, SUMMARY, RunContext
from pipelines.copies import written_places
from pipelines.cost.forecast import forecast
from pipelines.cost.rates import ChosenRates, rates_for
from pipelines.engines import check_weights, find_weights
from pipelines.errors import ReelmendError, SetupError, StoreError
from pipelines.estimate import first_size, output_notes
from pipelines.executor import Executor, load_executor
from pipelines.finished_earlier import find_finished_earlier
from pipelines.job import dump_job
from pipelines.job_paths import absolute_paths
from pipelines.leases.lease import Lease, lease_on
from pipelines.ledger import ItemRow
from pipelines.ledger.keeper import LedgerKeeper
from pipelines.logs import LogLine, log_fields, log_format
from pipelines.looks.looks import Looks, start_ahead
from pipelines.manifest import discover
from pipelines.media.encoding import encoder_available
from pipelines.redaction import redact
from pipelines.report import write_report
from pipelines.run_state import RunState
from pipelines.selection import EVERYTHING, Selection
from pipelines.stages.desk import Desk
from pipelines.stores.files import Files
from pipelines.stores.location import Location, location_of
from pipelines.summary import RunSummary, summarise
from pipelines.tasks import Failure, Item, Receipt
from pipelines.watch.metrics_port import metrics_port
from pipelines.watch.progress import Display
from pipelines.watch.timeline import PROFILE_FOLDER, TIMELINE, Timeline

log = logging.getLogger("reelmend")

LOOKS = 64
"""Items that a run opens before it starts, to predict what it takes; `reelmend plan` opens more."""
LOOKING_S = 120.0
"""Seconds that these looks may take together: a prediction must not keep a run from its start."""


def run_job(
    job: JobConfig, display: Display, selection: Selection = EVERYTHING, *, profile: bool = False
) -> RunSummary:
    """Restore what the job names and `selection` takes up, and return how it went; the same again finishes the rest.

    With `profile`, traces of a few tasks and a timeline of all lie in `profile/` among the run's own files.

    Raises ConfigError or SetupError before any work, and KeyboardInterrupt when interrupted: ledger and report then
    show how far the run came, or are the last run's where this one had not begun its items.
    """
    start_ahead()
    looks = Looks(job, LOOKING_S)
    try:
        items = [_absolute(item) for item in discover(job)]  # a worker's current folder is not the driver's
        job = absolute_paths(replace(job, log=LogConfig(log_format(job.log.format))))  # nor is its environment
        size = first_size(items, job, looks)
    except StoreError as exc:
        raise SetupError(str(exc)) from exc
    context = RunContext(run_id=_new_run_id(), job=job, weights=find_weights(job), expected_size=size)
    desk = Desk(context)
    _check_machine(context, desk.files)
    check_weights(context.weights)
    rates = rates_for(job)
    executor = load_executor(job.run.executor)(context)
    with lease_on(context.work / LEASE, context.run_id, desk.files) as lease:
        desk.files.tidy(context.out, chain([context.work], written_places(items)))
        desk.files.write(context.work / CONFIG, redact(dump_job(job)).encode())
        for note in output_notes(items, job, looks):
            log.warning(note)
        return _Run(context, desk, display, lease, profile=profile).restore(items, selection, executor, rates, looks)


class _Run:
    """A run that holds its lease, and all that is kept up to date while its items change."""

    def __init__(self, context: RunContext, desk: Desk, display: Display, lease: Lease, *, profile: bool) -> None:
        self._context, self._desk, self._display, self._lease = context, desk, display, lease
        self._ledger = LedgerKeeper(context.work / LEDGER, desk.files, display, lease, context.run_id)
        self._timeline = _new_timeline(context, desk.files) if profile else None

    def restore(
        self,
        items: Sequence[Item],
        selection: Selection,
        executor: Executor,
        rates: ChosenRates | None,
        looks: Looks,
    ) -> RunSummary:
        context, files, job = self._context, self._desk.files, self._context.job
        items, left_out = selection.choose(items, context.work / LEDGER, files)
        finished = find_finished_earlier(items, context.work / LEDGER, self._desk)
        predicted = _predict([item for item in items if item.id not in finished], rates, context, files, looks)
        flow = FlowKeeper(items, self._desk)

        def change(row: ItemRow, answer: Receipt | Failure | None) -> None:
            flow.change(row, answer)
            self._ledger.change(row, answer)

        state = RunState(
            items,
            attempts=job.run.attempts,
            active_items=job.run.active_items,
            active_bytes=job.run.active_bytes,
            on_change=change,
            watcher=self._timeline,
        )
        with metrics_port(job.metrics, state.metrics.read), log_fields(run=context.run_id):
            self._display.start(len(items), context.run_id, context.out)
            try:
                state.settle(finished)
                self._ledger.begin(state.rows, left_out)
                executor.run(state)
                flow.finish()
            finally:
                self._display.stop()
                flow.close()
                self._ledger.close(halted=state.halted)
                summary = _summary(context, self._ledger, flow.evicted, state, left_out, predicted)
                self._keep(summary)
        return summary

    def _keep(self, summary: RunSummary) -> None:
        if self._lease.lost or not self._ledger.begun:  # the folder's report is another run's
            return
        _conclude(self._context, self._desk.files, self._ledger, summary)
        if self._timeline is not None:
            _keep_timeline(self._context, self._desk.files, self._timeline)


def _absolute(item: Item) -> Item:
    mask = item.mask and item.mask.absolute()
    return replace(item, video=item.video.absolute(), mask=mask, output=item.output.absolute())


def _summary(
    context: RunContext,
    keeper: LedgerKeeper,
    evicted: FlowUse,
    state: RunState,
    left_out: Mapping[str, int],
    predicted: dict[str, Any],
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
        predicted=predicted,
    )
    last_values = {sample.series: sample.value for sample in state.metrics.read()}
    return replace(totals, load=state.load_meter.load().to_dict(), metrics=last_values)


def _predict(
    waiting: Sequence[Item], rates: ChosenRates | None, context: RunContext, files: Files, looks: Looks
) -> dict[str, Any]:
    """Say what these items will take, and keep it for who looks while the run goes on."""
    job = context.job
    predicted = forecast(waiting, job, rates, looks=min(LOOKS, job.plan.sample), looker=looks)[0].to_dict()
    files.write(context.work / PREDICTION, json.dumps(predicted, indent=1).encode())
    return predicted


def _new_timeline(context: RunContext, files: Files) -> Timeline:
    """Traces of an earlier run would be taken for this one's."""
    for entry in list(files.walk(context.work / PROFILE_FOLDER)):
        files.delete(entry.place)
    return Timeline()


def _keep_timeline(context: RunContext, files: Files, timeline: Timeline) -> None:
    try:
        files.write(context.work / PROFILE_FOLDER / TIMELINE, timeline.to_json_gz())
    except ReelmendError as exc:
        log.warning(LogLine(f"no timeline: {exc}"))


def _conclude(context: RunContext, files: Files, keeper: LedgerKeeper, summary: RunSummary) -> None:
    try:
        files.write(context.work / SUMMARY, json.dumps(summary.to_dict(), indent=1).encode())
        make_report(context, files, summary, keeper.all_rows())
    except ReelmendError as exc:  # credentials that have expired are no passing error
        log.warning("no report: %s", exc)


def make_report(context: RunContext, files: Files, summary: RunSummary, rows: Sequence[ItemRow]) -> Location:
    """Write the HTML report from the ledger's rows and the pictures beside it. Raises StoreError."""
    place = context.work / REPORT
    write_report(place, summary, rows, files)
    return place


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]


def _check_machine(context: RunContext, files: Files) -> None:
    """Raise SetupError where the run could write nothing: no encoder, or a folder of its own that takes no files."""
    codec, store = context.job.stitch.codec, context.job.store
    if not encoder_available(codec):
        raise SetupError(f"this machine's FFmpeg has no encoder for stitch.codec={codec}; see `reelmend doctor`")
    _check_writable(f"the output folder {context.out}", context.work, files)
    for key, root in (("store.root", store.root), ("store.flow", store.flow)):
        if root:
            _check_writable(f"{key}={root}", location_of(root), files)


def _check_writable(name: str, folder: Location, files: Files) -> None:
    probe = folder / ".writable"  # one name for all: what a killed run leaves of it, the next one removes
    try:
        files.write(probe, b"x")
        files.delete(probe)
    except StoreError as exc:
        raise SetupError(f"cannot write to {name}: {exc}") from exc
