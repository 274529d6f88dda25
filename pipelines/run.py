"""What happens from a job to its report? Discover, take the lease, hand the items to an executor, keep the ledger."""

import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipelines.config import JobConfig, LogConfig
from pipelines.context import RunContext
from pipelines.engines import check_weights, find_weights
from pipelines.errors import SetupError, StoreError
from pipelines.estimate import first_size, output_notes
from pipelines.executor import load_executor
from pipelines.finished_earlier import find_finished_earlier
from pipelines.forecast import forecast
from pipelines.job import dump_job
from pipelines.job_paths import absolute_paths
from pipelines.lease import Lease, lease_on
from pipelines.ledger import ItemRow, write_ledger
from pipelines.logs import LogLine, log_fields, log_format
from pipelines.manifest import discover
from pipelines.media.encoding import encoder_available
from pipelines.metrics_port import metrics_port
from pipelines.progress import Display
from pipelines.rates import ChosenRates, rates_for
from pipelines.report import write_report
from pipelines.run_state import RunState
from pipelines.stages.desk import Desk
from pipelines.stores.files import Files
from pipelines.stores.location import Location
from pipelines.summary import RunSummary, summarise
from pipelines.tasks import Failure, Item, Receipt
from pipelines.timeline import PROFILE_FOLDER, TIMELINE, Timeline

log = logging.getLogger("reelmend")

CONFIG, LEDGER, SUMMARY, REPORT, LEASE = "config.yaml", "ledger.parquet", "run.json", "report.html", "lease.json"
PREDICTION = "plan.json"
"""The run's own files, in `<out>/_reelmend/`."""

LOOKS = 64
"""Items that a run opens before it starts, to predict what it takes; `reelmend plan` opens more."""


def run_job(job: JobConfig, display: Display, *, profile: bool = False) -> RunSummary:
    """Restore everything the job names and return how it went; the same job again finishes what is left.

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
    rates = rates_for(job)
    executor = load_executor(job.run.executor)(context)
    with lease_on(context.work / LEASE, context.run_id, desk.files) as lease:
        desk.files.tidy(context.out)
        desk.files.write(context.work / CONFIG, dump_job(job).encode())
        for note in output_notes(items, job):
            log.warning(note)
        finished = find_finished_earlier(items, context.work / LEDGER, desk)
        predicted = _predict([item for item in items if item.id not in finished], rates, context, desk.files)
        keeper = LedgerKeeper(context.work / LEDGER, desk.files, display, lease)
        timeline = _new_timeline(context, desk.files) if profile else None
        state = RunState(
            items,
            attempts=job.run.attempts,
            active_items=job.run.active_items,
            on_change=keeper.change,
            watcher=timeline,
        )
        keeper.rows = list(state.rows.values())
        with metrics_port(job.metrics, state.metrics.read), log_fields(run=context.run_id):
            display.start(len(items), context.run_id, context.out)
            try:
                state.settle(finished)
                executor.run(state)
            finally:
                display.stop()
                summary = _summary(context, keeper, state, predicted)
                if not lease.lost:  # else the folder's ledger and report are another run's
                    _conclude(context, desk.files, keeper, summary)
                    if timeline is not None:
                        _keep_timeline(context, desk.files, timeline)
    return summary


def _absolute(item: Item) -> Item:
    mask = item.mask and item.mask.absolute()
    return replace(item, video=item.video.absolute(), mask=mask, output=item.output.absolute())


class LedgerKeeper:
    """Rewrites the ledger as rows change, but spends at most a twentieth of the time on it."""

    def __init__(
        self, place: Location, files: Files, display: Display, lease: Lease, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.rows: Sequence[ItemRow] = ()
        self.started_at = time.time()
        self._place, self._files, self._display, self._lease, self._now = place, files, display, lease, now
        self._due = 0.0

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        """Raises SetupError when the folder is another run's by now: this one has to stop."""
        if self._lease.lost:
            raise SetupError(f"{self._lease.lost}; nothing is lost, the same command goes on when that run has ended")
        self._display.change(row, answer)
        began = self._now()
        if began >= self._due:
            self.write()
            self._due = self._now() + max(1.0, 20 * (self._now() - began))

    def write(self) -> None:
        """A ledger that cannot be written must not end a run that can still restore: it says so and goes on."""
        try:
            write_ledger(self._place, self.rows, self._files)
        except StoreError as exc:
            log.warning("the ledger is behind: %s", exc)


def _summary(context: RunContext, keeper: LedgerKeeper, state: RunState, predicted: dict[str, Any]) -> RunSummary:
    totals = summarise(
        keeper.rows,
        run_id=context.run_id,
        name=context.job.name,
        engine=context.job.engine,
        executor=context.job.run.executor,
        out=str(context.out.absolute()),
        started_at=keeper.started_at,
        ended_at=time.time(),
        halted=state.halted,
        predicted=predicted,
    )
    last_values = {sample.series: sample.value for sample in state.metrics.read()}
    return replace(totals, load=state.load_meter.load().to_dict(), metrics=last_values)


def _predict(waiting: Sequence[Item], rates: ChosenRates | None, context: RunContext, files: Files) -> dict[str, Any]:
    """Say what these items will take, and keep it for who looks while the run goes on."""
    job = context.job
    predicted = forecast(waiting, job, rates, looks=min(LOOKS, job.plan.sample))[0].to_dict()
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
    except StoreError as exc:
        log.warning(LogLine(f"no timeline: {exc}"))


def _conclude(context: RunContext, files: Files, keeper: LedgerKeeper, summary: RunSummary) -> None:
    keeper.write()
    try:
        files.write(context.work / SUMMARY, json.dumps(summary.to_dict(), indent=1).encode())
        make_report(context, files, summary, keeper.rows)
    except StoreError as exc:
        log.warning("no report: %s", exc)


def make_report(context: RunContext, files: Files, summary: RunSummary, rows: Sequence[ItemRow]) -> Location:
    """Write the HTML report from the ledger's rows and the previews in the store. Raises StoreError."""
    store = context.open_store(files)

    def load_preview(row: ItemRow) -> bytes | None:
        key = row.facts.get("preview")
        return store.get(str(key)) if key else None

    place = context.work / REPORT
    write_report(place, summary, rows, load_preview, files)
    return place


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]


def _check_machine(context: RunContext, files: Files) -> None:
    """Raise SetupError where the run could write nothing: no encoder, or an output folder that takes no files."""
    codec = context.job.stitch.codec
    if not encoder_available(codec):
        raise SetupError(f"this machine's FFmpeg has no encoder for stitch.codec={codec}; see `reelmend doctor`")
    probe = context.work / f".writable-{socket.gethostname()}-{os.getpid()}"
    try:
        files.write(probe, b"x")
        files.delete(probe)
    except StoreError as exc:
        raise SetupError(f"cannot write to the output folder {context.out}: {exc}") from exc
