"""Which run is meant by a job file or an output folder, and what has it left there?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli.options import sort_words
from pipelines.config import JobConfig
from pipelines.context import WORK_FOLDER, RunContext
from pipelines.errors import ConfigError
from pipelines.job import load_job
from pipelines.ledger import ItemRow, read_ledger
from pipelines.summary import RunSummary, summarise


@dataclass(frozen=True)
class PastRun:
    """A run's folder as it is now; the run may still go on."""

    context: RunContext
    summary: RunSummary
    rows: list[ItemRow]
    ended: bool
    """False: the run goes on, or was killed."""


def find_past_run(words: Sequence[str] | None, preset: str | None, out: str | None) -> PastRun:
    """Return the run that wrote to the output folder of a job, or to `out`. Raises ConfigError when there is none."""
    from pipelines.run import CONFIG, LEDGER, SUMMARY  # with it come torch and PyAV, which --help can do without

    work = _output_folder(words, preset, out) / WORK_FOLDER
    rows = read_ledger(work / LEDGER)
    job = load_job(work / CONFIG)
    summary = _read_summary(work / SUMMARY)
    written_at = (work / LEDGER).stat().st_mtime
    # A run writes its summary last, so a ledger that is newer belongs to a run that has not ended.
    ended = summary is not None and (work / SUMMARY).stat().st_mtime >= written_at
    if summary is None or not ended:
        summary = _summary_so_far(job, rows, written_at)
    return PastRun(RunContext(summary.run_id, job), summary, rows, ended)


def _output_folder(words: Sequence[str] | None, preset: str | None, out: str | None) -> Path:
    if out is not None:
        return Path(out)
    if words and len(words) == 1 and Path(words[0]).is_dir():
        return Path(words[0])
    if not words:
        raise ConfigError("which run? give its job file, or its output folder with --out")
    request = sort_words(words, None)
    return Path(load_job(request.file, preset, request.overrides).out)


def _read_summary(path: Path) -> RunSummary | None:
    try:
        return RunSummary.from_dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigError(f"{path} cannot be read ({exc}); the same run command writes it again") from exc


def _summary_so_far(job: JobConfig, rows: list[ItemRow], written_at: float) -> RunSummary:
    started_at = min((row.started_at for row in rows if row.started_at), default=written_at)
    return summarise(
        rows,
        run_id="",
        name=job.name,
        engine=job.engine,
        executor=job.run.executor,
        out=str(Path(job.out).absolute()),
        started_at=started_at,
        ended_at=written_at,
    )
