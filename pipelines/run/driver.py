"""Course of a run: discover, take the lease, hand the items to an executor, keep the ledger."""

import json
import logging
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig, LogConfig
from reelmend.pipelines.engines.recovery import steps_of
from reelmend.pipelines.engines.registry import check_engine, find_weights, refuse_distant
from reelmend.pipelines.errors import ReelmendError, SetupError, StoreAway, StoreError
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.headers import Headers, end_idle, start_ahead
from reelmend.pipelines.forecast.item_estimate import first_size, output_notes
from reelmend.pipelines.forecast.rates import ChosenRates, rates_for
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.job.found_videos import PassedOver
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.output_paths import written_places
from reelmend.pipelines.job.paths import absolute_item, absolute_paths
from reelmend.pipelines.job.preset_effects import effects_comment
from reelmend.pipelines.media.encoding import encoder_available
from reelmend.pipelines.observe.live_status import Now, kept_up_to_date
from reelmend.pipelines.observe.machines import MachinesSeen
from reelmend.pipelines.observe.metrics_port import metrics_port
from reelmend.pipelines.observe.observer import Observers, OnChange, RunObserver
from reelmend.pipelines.observe.progress import Display
from reelmend.pipelines.observe.report import write_report
from reelmend.pipelines.observe.speed_history import SpeedHistory
from reelmend.pipelines.observe.summary import RunSummary, summarise
from reelmend.pipelines.observe.timeline import Timeline
from reelmend.pipelines.run.executor import Executor, choose_executor, load_executor
from reelmend.pipelines.run.flow_cache_manager import FlowCacheManager
from reelmend.pipelines.run.ledger_recorder import LedgerRecorder
from reelmend.pipelines.run.outage import AT_START_S, Outage, check_of, patiently
from reelmend.pipelines.run.preflight import mask_doubts, refuse_hopeless, refuse_idle_settings, refuse_unusable_sources
from reelmend.pipelines.run.resume import find_finished_earlier
from reelmend.pipelines.run.selection import EVERYTHING, Selection
from reelmend.pipelines.run.set_aside import SetAside
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.cuda_debugging import wait_for_each_kernel
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.storage.leases.lease import Lease, lost_to_another
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.location import Location, RemotePath, location_of
from reelmend.pipelines.storage.own_folder import refuse_strangers_folder
from reelmend.pipelines.storage.run_layout import (
    CONFIG,
    LEASE,
    LEDGER,
    NOW,
    PREDICTION,
    PROFILE_FOLDER,
    REPLACED,
    REPORT,
    SUMMARY,
    TIMELINE,
)
from reelmend.pipelines.storage.sealed import seal, unseal
from reelmend.pipelines.tasks import Item, TraceDetail
from reelmend.pipelines.utils.logs import LogLine, log_fields, log_format
from reelmend.pipelines.utils.redaction import redact

log = logging.getLogger("reelmend")

LOOKS = 64
"""Items that a run opens before it starts, to predict what it takes; `reelmend plan` opens more."""
_OF_THE_ITEMS = (
    "run_id",
    "name",
    "out",
    "items",
    "states",
    "finished_earlier",
    "quality",
    "refined",
    "left_out",
    "weights",
)
"""What a summary says of the items as they are, whoever restored them."""
LOOKING_S = 120.0
"""Seconds that these looks may take together: a prediction must not keep a run from its start."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run went, known without asking a store that may be full or away by now."""

    summary: RunSummary
    rows: Sequence[ItemRow]
    """Of the items that it took up."""
    report: Location | None
    """None where it could not be written."""


def run_job(
    job: JobConfig,
    display: Display,
    selection: Selection = EVERYTHING,
    *,
    profile: Sequence[TraceDetail] | None = None,
    debug_cuda: bool = False,
) -> RunSummary:
    """As `run_items`; returns the totals alone."""
    return run_items(job, display, selection, profile=profile, debug_cuda=debug_cuda).summary


def run_items(
    job: JobConfig,
    display: Display,
    selection: Selection = EVERYTHING,
    *,
    profile: Sequence[TraceDetail] | None = None,
    debug_cuda: bool = False,
) -> RunOutcome:
    """Restore what the job names and `selection` takes up, and return how it went; the same again finishes the rest.

    With `profile`, traces of a few tasks, with these details, and a timeline of all are in `profile/` among the run's
    own files. With `debug_cuda`, errors of CUDA name their operator, and nothing is compiled.

    Raises ConfigError, SetupError or StoreAway before any work, and KeyboardInterrupt when interrupted: ledger and
    report then show how far the run came, or are the last run's where this one had not started its items.
    """
    if debug_cuda:
        wait_for_each_kernel()
    refuse_distant(job)
    refuse_idle_settings(job)
    start_ahead()
    looks = Headers(job, LOOKING_S)
    start_s = min(AT_START_S, job.run.outage_s)
    with _before_work():
        items, passed = patiently(lambda: _found(job), start_s)
        for line in passed.lines:
            log.warning(LogLine(line))
        job = absolute_paths(replace(job, log=LogConfig(log_format(job.log.format))))  # nor is its environment
        refuse_unusable_sources(items)
        patiently(lambda: refuse_hopeless(items, job, looks), start_s)
        size = patiently(lambda: first_size(items, job, looks), start_s)
    context = RunContext(_new_run_id(), job, find_weights(job), size, debug_cuda)
    worker_context = WorkerContext(context)
    patiently(lambda: _check_machine(context, worker_context.files), start_s)
    _check_cache(context, items)
    check_engine(job, context.weights)
    rates = rates_for(job)
    executor = None if job.run.executor is ExecutorName.auto else load_executor(job.run.executor)(context)
    with ExitStack() as stack:
        lease = patiently(
            lambda: stack.enter_context(lease_on(context.work / LEASE, context.run_id, worker_context.files)),
            job.run.outage_s,
        )
        worker_context.files.tidy(context.out, chain([context.work], written_places(items)))
        config = redact(effects_comment(job) + dump_job(job, for_the_record=True)).encode()
        patiently(lambda: worker_context.files.write(context.work / CONFIG, config), job.run.outage_s)
        for note in (*output_notes(items, job, looks), *mask_doubts(items, job, looks)):
            log.warning(LogLine(note))
        return _Run(context, worker_context, display, lease, profile=profile).restore(
            items, selection, executor, rates, looks
        )


def _found(job: JobConfig) -> tuple[list[Item], PassedOver]:
    passed = PassedOver()
    return [absolute_item(item) for item in discover(job, passed)], passed  # a worker's folder is another


@contextmanager
def _before_work() -> Iterator[None]:
    """What a store refuses before any work is a fault of the job; one that does not answer is tried again later."""
    try:
        yield
    except StoreAway as exc:
        raise StoreAway(f"{exc}; the store does not answer: is it running, and is s3.endpoint right?") from exc
    except StoreError as exc:
        raise SetupError(str(exc)) from exc


class _Run:
    """A run that holds its lease, and all that is kept up to date while its items change."""

    def __init__(
        self,
        context: RunContext,
        worker_context: WorkerContext,
        display: Display,
        lease: Lease,
        *,
        profile: Sequence[TraceDetail] | None,
    ) -> None:
        self._context, self._worker_context, self._display, self._lease = context, worker_context, display, lease
        self._ledger = LedgerRecorder(context.work / LEDGER, worker_context.files, lease, context.run_id)
        self._timeline = None if profile is None else _new_timeline(context, worker_context.files, profile)

    def restore(
        self,
        items: Sequence[Item],
        selection: Selection,
        executor: Executor | None,
        rates: ChosenRates | None,
        looks: Headers,
    ) -> RunOutcome:
        context, files, job = self._context, self._worker_context.files, self._context.job
        outage_s, ledger = job.run.outage_s, context.work / LEDGER
        outage = Outage(outage_s, check_of(context))
        items, left_out = patiently(lambda: selection.choose(items, ledger, files), outage_s)
        finished = patiently(lambda: find_finished_earlier(items, ledger, self._worker_context), outage_s)
        waiting = [item for item in items if item.id not in finished]
        predicted = patiently(lambda: _predict(waiting, rates, context, files, looks), outage_s)
        if executor is None:
            self._context = context = _with_executor(context, len(waiting), Forecast.from_dict(predicted))
            executor = load_executor(context.job.run.executor)(context)
        if self._context.job.run.executor is not ExecutorName.inline:
            end_idle()  # the run may take days, and its machine's memory is the workers'
        flow, aside = FlowCacheManager(items, self._worker_context), SetAside(context.work / REPLACED / context.run_id)
        machines, speed = MachinesSeen(), SpeedHistory()
        state = self._state_of(items, outage, flow, aside, machines, speed)

        def look() -> Now:
            return Now.of(context.run_id, state.signs, outage.reason, outage.seconds, machines, speed)

        with (
            metrics_port(job.metrics, state.metrics.read),
            kept_up_to_date(context.work / NOW, files.hasty, look),
            log_fields(run=context.run_id),
        ):
            self._display.start(len(items), context.run_id, context.out)
            self._display.follow(state.signs)
            try:
                state.settle(finished)
                patiently(lambda: self._ledger.begin(state.rows, left_out), outage_s)
                executor.run(state)
                flow.finish()
            finally:
                self._display.stop()
                interrupted = isinstance(sys.exception(), KeyboardInterrupt)
                if isinstance(context.work, RemotePath) and not (interrupted or state.halted):
                    self._outlast_outage(outage_s)
                aside.close()
                flow.close()
                self._ledger.close(halted=state.halted)
                summary = _summary(context, self._ledger, flow.evicted, state, left_out, predicted)
                summary = replace(summary, interrupted=interrupted, waited_for_store_s=outage.waited_s)
                report = self._keep(summary)
        if self._lease.lost:  # it stood still before its end, and what it found there is another run's
            raise lost_to_another(self._lease)
        return RunOutcome(summary, self._ledger.rows, report)

    def _state_of(self, items: Sequence[Item], outage: Outage, *first: RunObserver) -> RunState:
        """Return the items as they begin, followed by `first` and by all that the run keeps up to date."""
        run = self._context.job.run
        timeline = [self._timeline] if self._timeline else []
        return RunState(
            items,
            attempts=run.attempts,
            active_items=run.active_items,
            active_bytes=run.active_bytes,
            observer=Observers(*first, self._ledger, OnChange(self._display.change), *timeline),
            outage=outage,
            recovery=steps_of(self._context.job),
        )

    def _outlast_outage(self, outage_s: float) -> None:
        """Wait for a store that is away just when all is done: what comes now is only tried once."""
        try:
            patiently(lambda: self._worker_context.files.look(self._context.work / SUMMARY), outage_s)
        except ReelmendError as exc:
            log.warning("the run's last log records may be lost: %s", exc)

    def _keep(self, summary: RunSummary) -> Location | None:
        if self._lease.lost or not self._ledger.begun:  # the folder's report is another run's
            return None
        report = _conclude(self._context, self._worker_context.files, self._ledger, summary)
        if self._timeline is not None:
            _keep_timeline(self._context, self._worker_context.files, self._timeline)
        return report


def _with_executor(context: RunContext, items: int, predicted: Forecast) -> RunContext:
    """Return the context with the executor that `auto` stands for, so that summary and report say which it was."""
    job = context.job
    chosen = choose_executor(job, items, predicted)
    return replace(context, job=replace(job, run=replace(job.run, executor=chosen)))


def _summary(
    context: RunContext,
    keeper: LedgerRecorder,
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
        halted_kind=state.halted_kind,
        workers=state.most_workers,
        left_out=left_out,
        predicted=predicted,
    )
    last_values = {sample.series: sample.value for sample in state.metrics.read()}
    return replace(totals, load=state.load_meter.load().to_dict(), metrics=last_values)


def _predict(
    waiting: Sequence[Item], rates: ChosenRates | None, context: RunContext, files: Files, looks: Headers
) -> dict[str, Any]:
    """Say what these items will take, and keep it for who looks while the run is in progress."""
    job = context.job
    predicted = forecast(waiting, job, rates, looks=min(LOOKS, job.plan.sample), looker=looks)[0].to_dict()
    files.write(context.work / PREDICTION, json.dumps(seal(predicted), indent=1).encode())
    return predicted


def _new_timeline(context: RunContext, files: Files, details: Sequence[TraceDetail]) -> Timeline:
    """Traces of an earlier run would be taken for this one's."""
    for entry in list(files.walk(context.work / PROFILE_FOLDER)):
        files.delete(entry.place)
    return Timeline(details=details)


def _keep_timeline(context: RunContext, files: Files, timeline: Timeline) -> None:
    try:
        files.write(context.work / PROFILE_FOLDER / TIMELINE, timeline.to_json_gz())
    except ReelmendError as exc:
        log.warning(LogLine(f"the timeline could not be written: {exc}"))


def _conclude(context: RunContext, files: Files, keeper: LedgerRecorder, summary: RunSummary) -> Location | None:
    """Return the report, None where it could not be written: on a full disk, say, or with expired credentials."""
    try:
        if not summary.tasks_computed and summary.finished_earlier == summary.items:
            summary = _with_figures_of_work(summary, files.read(context.work / SUMMARY))
        files.write(context.work / SUMMARY, json.dumps(seal(summary.to_dict()), indent=1).encode())
        return make_report(context, files, summary, keeper.all_rows())
    except ReelmendError as exc:  # credentials that have expired are no passing error
        log.warning("the report could not be written: %s", exc)
        return None


def _with_figures_of_work(summary: RunSummary, last: bytes | None) -> RunSummary:
    """Return the summary of a run that found all finished, with the figures of the last one that did something."""
    try:
        worked = RunSummary.from_dict(unseal(json.loads(last or b"")))
    except (ValueError, TypeError):
        return summary
    if not worked.tasks_computed or worked.interrupted or worked.halted:
        return summary
    now = {name: getattr(summary, name) for name in _OF_THE_ITEMS}
    return replace(worked, **now)


def make_report(context: RunContext, files: Files, summary: RunSummary, rows: Sequence[ItemRow]) -> Location:
    """Write the HTML report from the ledger's rows and the pictures beside it. Raises StoreError."""
    place = context.work / REPORT
    write_report(place, summary, rows, files)
    return place


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]


def _check_machine(context: RunContext, files: Files) -> None:
    """Raise SetupError where the run could write nothing: no encoder, or its own folder that takes no files."""
    codec, store = context.job.stitch.codec, context.job.store
    if not encoder_available(codec):
        raise SetupError(f"this machine's FFmpeg has no encoder for stitch.codec={codec}; see `reelmend doctor`")
    _check_writable(f"the output folder {context.out}", context.work, files)
    for key, root in (("store.root", store.root), ("store.flow", store.flow)):
        if root:
            _check_writable(f"{key}={root}", location_of(root), files)


def _check_cache(context: RunContext, items: Sequence[Item]) -> None:
    """Raise SetupError where copies would go to a folder that is not this user's alone."""
    places = (place for item in items for place in (item.video, item.mask))
    if isinstance(context.out, RemotePath) or any(isinstance(place, RemotePath) for place in places):
        try:
            refuse_strangers_folder(context.cache_dir, "inputs")
        except StoreError as exc:
            raise SetupError(str(exc)) from exc


def _check_writable(name: str, folder: Location, files: Files) -> None:
    probe = folder / ".writable"  # one name for all: what a killed run leaves of it, the next one removes
    try:
        files.write(probe, b"x")
        files.delete(probe)
    except StoreAway:
        raise
    except StoreError as exc:
        raise SetupError(f"cannot write to {name}: {exc}") from exc
