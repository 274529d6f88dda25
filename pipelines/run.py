"""What happens from a job to its report? Discover, take the lease, hand the items to an executor, keep the ledger."""

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.config import JobConfig
from pipelines.context import RunContext
from pipelines.engines import check_weights, find_weights
from pipelines.errors import SetupError, StoreError
from pipelines.estimate import first_size, output_notes
from pipelines.executor import load_executor
from pipelines.job import dump_job
from pipelines.job_paths import absolute_paths
from pipelines.lease import Lease
from pipelines.ledger import ItemRow, write_ledger
from pipelines.manifest import discover
from pipelines.media.encoding import encoder_available
from pipelines.progress import Display
from pipelines.report import write_report
from pipelines.run_state import RunState
from pipelines.stages.desk import Desk
from pipelines.stages.finished import find_unchanged
from pipelines.store import write_atomically
from pipelines.summary import RunSummary, summarise
from pipelines.tasks import Failure, Item, Receipt

log = logging.getLogger("reelmend")

CONFIG, LEDGER, SUMMARY, REPORT, LEASE = "config.yaml", "ledger.parquet", "run.json", "report.html", "lease.json"
"""The run's own files, in `<out>/_reelmend/`."""


def run_job(job: JobConfig, display: Display) -> RunSummary:
    """Restore everything the job names and return how it went; the same job again finishes what is left.

    Raises ConfigError or SetupError before any work, and KeyboardInterrupt when interrupted: ledger and report then
    show how far the run came.
    """
    items = [_absolute(item) for item in discover(job)]  # a worker's current folder is not the driver's
    job = absolute_paths(job)
    context = RunContext(run_id=_new_run_id(), job=job, weights=find_weights(job), expected_size=first_size(items, job))
    _check_machine(context, items)
    check_weights(context.weights)
    executor = load_executor(job.run.executor)(context)
    with Lease(context.work / LEASE, context.run_id):
        write_atomically(context.work / CONFIG, dump_job(job).encode())
        for note in output_notes(items, job):
            log.warning(note)
        keeper = LedgerKeeper(context.work / LEDGER, display)
        state = RunState(items, attempts=job.run.attempts, active_items=job.run.active_items, on_change=keeper.change)
        keeper.rows = list(state.rows.values())
        display.start(len(items), context.run_id, context.out)
        try:
            state.settle(_finished_earlier(context, items))
            executor.run(state)
        finally:
            display.stop()
            summary = _summary(context, keeper, state.halted)
            _conclude(context, keeper, summary)
    return summary


def _absolute(item: Item) -> Item:
    mask = item.mask and item.mask.absolute()
    return replace(item, video=item.video.absolute(), mask=mask, output=item.output.absolute())


def _finished_earlier(context: RunContext, items: Sequence[Item]) -> dict[str, Receipt]:
    """Find what needs no work at all, so that typing a finished run's command again starts no Ray."""
    desk = Desk(context)
    return {item.id: receipt for item in items if (receipt := find_unchanged(item, desk)) is not None}


class LedgerKeeper:
    """Rewrites the ledger as rows change, but spends at most a twentieth of the time on it."""

    def __init__(self, path: Path, display: Display, now: Callable[[], float] = time.monotonic) -> None:
        self.rows: Sequence[ItemRow] = ()
        self.started_at = time.time()
        self._path, self._display, self._now = path, display, now
        self._due = 0.0

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self._display.change(row, answer)
        began = self._now()
        if began >= self._due:
            self.write()
            self._due = self._now() + max(1.0, 20 * (self._now() - began))

    def write(self) -> None:
        """A ledger that cannot be written must not end a run that can still restore: it says so and goes on."""
        try:
            write_ledger(self._path, self.rows)
        except StoreError as exc:
            log.warning("the ledger is behind: %s", exc)


def _summary(context: RunContext, keeper: LedgerKeeper, halted: str) -> RunSummary:
    return summarise(
        keeper.rows,
        run_id=context.run_id,
        name=context.job.name,
        engine=context.job.engine,
        executor=context.job.run.executor,
        out=str(context.out.absolute()),
        started_at=keeper.started_at,
        ended_at=time.time(),
        halted=halted,
    )


def _conclude(context: RunContext, keeper: LedgerKeeper, summary: RunSummary) -> None:
    keeper.write()
    try:
        write_atomically(context.work / SUMMARY, json.dumps(summary.to_dict(), indent=1).encode())
        make_report(context, summary, keeper.rows)
    except StoreError as exc:
        log.warning("no report: %s", exc)


def make_report(context: RunContext, summary: RunSummary, rows: Sequence[ItemRow]) -> Path:
    """Write the HTML report from the ledger's rows and the previews in the store. Raises StoreError."""
    store = context.store

    def load_preview(row: ItemRow) -> bytes | None:
        key = row.facts.get("preview")
        return store.get(str(key)) if key else None

    path = context.work / REPORT
    write_report(path, summary, rows, load_preview)
    return path


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]


def _check_machine(context: RunContext, items: Sequence[Item]) -> None:
    """Raise SetupError where the run could write nothing: no encoder, or an output folder that takes no files."""
    codec = context.job.stitch.codec
    if not encoder_available(codec):
        raise SetupError(f"this machine's FFmpeg has no encoder for stitch.codec={codec}; see `reelmend doctor`")
    probe = context.work / f".writable-{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as exc:
        raise SetupError(f"cannot write to the output folder {context.out}: {exc.strerror}") from exc
