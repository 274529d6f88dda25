"""What does every process of a run know? The job, the run's id and where things lie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.config import JobConfig
from pipelines.store import LocalStore, Store
from pipelines.weights import WeightFile

WORK_FOLDER = "_reelmend"
"""The run's own files, inside the output folder."""


@dataclass(frozen=True)
class RunContext:
    """Travels to every worker; small and picklable."""

    run_id: str
    job: JobConfig
    weights: Mapping[str, WeightFile] = field(default_factory=dict)
    """What the job's networks are read from, as the driver found it; a worker refuses a file that is another one."""

    expected_size: tuple[int, int] | None = None
    """(width, height) of the first output, for what is made ready for one size; None where no header could be read."""

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
