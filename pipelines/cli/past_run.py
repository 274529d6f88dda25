"""The run that a job file or output folder refers to, and what it wrote there."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelmend.pipelines.cli.options import is_job_file, sort_words
from reelmend.pipelines.config import JobConfig, S3Config
from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.job.load import load_job, load_past_job
from reelmend.pipelines.job.one_output import folder_of, is_output_file
from reelmend.pipelines.observe.heartbeat import last_sign
from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.run_status import Life, RunStatus, standing
from reelmend.pipelines.observe.summary import RunSummary, summarise
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, LedgerView
from reelmend.pipelines.storage.location import Location, is_url, location_of
from reelmend.pipelines.storage.run_layout import CONFIG, LEASE, LEDGER, NOW, PREDICTION, SUMMARY, WORK_FOLDER
from reelmend.pipelines.storage.sealed import unseal
from reelmend.pipelines.utils.user_paths import is_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PastRun:
    """A run's folder as it is now; the run may still be in progress."""

    context: RunContext
    work: Location
    """The run's own files."""
    files: Files
    ledger: LedgerView
    summary: RunSummary
    standing: RunStatus
    now: Now | None = None
    """The progress that the run reported last; None if it reported none."""

    @property
    def ended(self) -> bool:
        """False: the run is in progress, or was killed."""
        return self.standing.life is Life.ENDED

    @property
    def rows(self) -> list[ItemRow]:
        """The whole ledger; rows of items that the run left out are of earlier runs."""
        return list(self.ledger.rows.values())

    def as_of_now(self) -> "PastRun":
        """Return the same folder some time later; only what is new is read. Raises ConfigError when it is gone."""
        self.ledger.refresh()
        return _as_it_is(self.context.job, self.work, self.files, self.ledger)


def find_past_run(words: Sequence[str] | None, preset: Sequence[str] | None, out: str | None) -> PastRun:
    """Return the run that wrote to the output folder of a job, or to `out`. Raises ConfigError when there is none."""
    place, s3 = _output_folder(words, preset, out)
    work, files = place / WORK_FOLDER, Files(s3)
    ledger = LedgerView(work / LEDGER, files)
    saved = replace(load_past_job(work / CONFIG, s3), out=str(place))  # which a variable may have said
    return _as_it_is(saved, work, files, ledger)


def _as_it_is(job: JobConfig, work: Location, files: Files, ledger: LedgerView) -> PastRun:
    said = _read_sealed(work / SUMMARY, files)
    summary = RunSummary.from_dict(said) if said else None
    damaged = said is not None and summary is None
    ended = ledger.head.ended_at > 0 and (damaged or (summary is not None and summary.run_id == ledger.head.run))
    if summary is None or not ended:
        summary = _summary_so_far(job, ledger, _read_sealed(work / PREDICTION, files) or {})
    stands = standing(ledger, summary, last_sign(work / LEASE, files), ended=ended)
    now = Now.from_bytes(files.read(work / NOW)) if stands.life is Life.RUNNING else None
    if now is not None and now.run != ledger.head.run:
        now = None
    return PastRun(RunContext(summary.run_id, job), work, files, ledger, summary, stands, now)


def _output_folder(
    words: Sequence[str] | None, preset: Sequence[str] | None, out: str | None
) -> tuple[Location, S3Config]:
    """Return the folder, and the S3 settings to reach it if it is in a bucket."""
    folder = words[0] if words and len(words) == 1 and out is None else ""
    if folder and (is_folder(folder) or is_output_file(folder) or (is_url(folder) and not is_job_file(folder))):
        return folder_of(folder), S3Config()
    if not words and out is None:
        raise ConfigError("no run given: pass its job file, or its output folder with --out")
    request = sort_words(words, None)
    job = load_job(request.file, preset, request.overrides)
    return folder_of(job.out if out is None else out), job.s3


def _read_sealed(place: Location, files: Files) -> dict[str, Any] | None:
    """Return the document a run wrote there: None if there is none, empty if it is damaged.

    The ledger holds the same facts except the measurements. Raises ConfigError.
    """
    try:
        value = files.read(place)
    except StoreError as exc:
        raise ConfigError(f"{place} cannot be read ({exc})") from exc
    if value is None:
        return None
    try:
        return unseal(json.loads(value))
    except ValueError as exc:
        log.warning(
            "%s is damaged (%s), showing the ledger instead; run the same command again to rewrite it", place, exc
        )
        return {}


def _summary_so_far(job: JobConfig, ledger: LedgerView, predicted: dict[str, Any]) -> RunSummary:
    """Return the totals of the last run in the ledger, as of its last event, with its prediction."""
    head = ledger.head
    return summarise(
        ledger.rows_of_run(),
        run_id=head.run,
        name=job.name,
        engine=job.engine,
        executor=job.run.executor,
        out=str(location_of(job.out).absolute()),
        started_at=head.started_at,
        ended_at=ledger.heard_at,
        left_out=head.left_out,
        predicted=predicted,
    )
