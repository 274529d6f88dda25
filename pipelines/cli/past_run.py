"""Which run is meant by a job file or an output folder, and what has it left there?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli.options import is_job_file, sort_words
from pipelines.config import JobConfig, S3Config
from pipelines.context import WORK_FOLDER, RunContext
from pipelines.errors import ConfigError, StoreError
from pipelines.job import load_job
from pipelines.ledger import ItemRow, read_ledger
from pipelines.stores.files import Files
from pipelines.stores.location import Location, is_url, location_of
from pipelines.summary import RunSummary, summarise


@dataclass(frozen=True)
class PastRun:
    """A run's folder as it is now; the run may still go on."""

    work: Location
    """The folder of the run's own files, as it is reached now; the job's `out` is what it was for the run."""
    context: RunContext
    files: Files
    summary: RunSummary
    rows: list[ItemRow]
    ended: bool
    """False: the run goes on, or was killed."""


def find_past_run(words: Sequence[str] | None, preset: str | None, out: str | None) -> PastRun:
    """Return the run that wrote to the output folder of a job, or to `out`. Raises ConfigError when there is none."""
    place, s3 = _output_folder(words, preset, out)
    return read_past_run(place / WORK_FOLDER, Files(s3), s3)


def read_past_run(work: Location, files: Files, s3: S3Config) -> PastRun:
    """Return the run whose own folder is `work`, as it is now. Raises ConfigError when there is none."""
    from pipelines.run import CONFIG, LEDGER, SUMMARY  # with it come torch and PyAV, which --help can do without

    rows = read_ledger(work / LEDGER, files)
    job = load_job(work / CONFIG, s3=s3)
    written_at, concluded_at = (_written_at(work / name, files) for name in (LEDGER, SUMMARY))
    summary = _read_summary(work / SUMMARY, files)
    # A run writes its summary last, so a ledger that is newer belongs to a run that has not ended.
    ended = summary is not None and concluded_at >= written_at
    if summary is None or not ended:
        summary = _summary_so_far(job, rows, written_at)
    return PastRun(work, RunContext(summary.run_id, job), files, summary, rows, ended)


def _output_folder(words: Sequence[str] | None, preset: str | None, out: str | None) -> tuple[Location, S3Config]:
    """Return the folder, and how it is reached if it is in a bucket: a folder alone does not say."""
    folder = words[0] if words and len(words) == 1 and out is None else ""
    if folder and (Path(folder).is_dir() or (is_url(folder) and not is_job_file(folder))):
        return location_of(folder), S3Config()
    if not words and out is None:
        raise ConfigError("which run? give its job file, or its output folder with --out")
    request = sort_words(words, None)
    job = load_job(request.file, preset, request.overrides)
    return location_of(job.out if out is None else out), job.s3


def _written_at(place: Location, files: Files) -> float:
    entry = files.look(place)
    return entry.modified_s if entry is not None else 0.0


def _read_summary(place: Location, files: Files) -> RunSummary | None:
    try:
        value = files.read(place)
        return None if value is None else RunSummary.from_dict(json.loads(value))
    except (StoreError, ValueError, TypeError) as exc:
        raise ConfigError(f"{place} cannot be read ({exc}); the same run command writes it again") from exc


def _summary_so_far(job: JobConfig, rows: list[ItemRow], written_at: float) -> RunSummary:
    started_at = min((row.started_at for row in rows if row.started_at), default=written_at)
    return summarise(
        rows,
        run_id="",
        name=job.name,
        engine=job.engine,
        executor=job.run.executor,
        out=str(location_of(job.out).absolute()),
        started_at=started_at,
        ended_at=written_at,
    )
