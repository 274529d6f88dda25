"""What does every process of a run know? The job, the run's id and where things lie."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.config import JobConfig
from pipelines.store import LocalStore, Store

WORK_FOLDER = "_reelmend"
"""The run's own files, inside the output folder."""


@dataclass(frozen=True)
class RunContext:
    """Travels to every worker; small and picklable."""

    run_id: str
    job: JobConfig

    @property
    def out(self) -> Path:
        return Path(self.job.out)

    @property
    def work(self) -> Path:
        return self.out / WORK_FOLDER

    @property
    def store(self) -> Store:
        """Flow segments, parts, probe records, item records and previews."""
        return LocalStore(self.work / "store")
