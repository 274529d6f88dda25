"""Context that every process of a run shares: the job, the run's id, and where things are stored."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.weights import WeightFile
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location, location_of
from reelmend.pipelines.storage.run_layout import WORK_FOLDER
from reelmend.pipelines.utils.user import user_id


@dataclass(frozen=True)
class RunContext:
    """Travels to every worker; small and picklable."""

    run_id: str
    job: JobConfig
    weights: Mapping[str, WeightFile] = field(default_factory=dict)
    """What the job's networks are read from, as the driver found it; a worker refuses a file that is another one."""

    expected_size: tuple[int, int] | None = None
    """(width, height) of the first output, for what is made ready for one size; None where no header could be read."""

    debug_cuda: bool = False
    """Errors of CUDA are to name their operator, at the cost of speed (`reelmend run --debug-cuda`)."""

    @property
    def out(self) -> Location:
        return location_of(self.job.out)

    @property
    def work(self) -> Location:
        return self.out / WORK_FOLDER

    @property
    def cache_dir(self) -> Path:
        """Where this machine keeps copies of inputs that lie elsewhere, and outputs on their way there."""
        chosen = self.job.store.cache_dir
        return Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"reelmend-cache-{user_id()}"

    def open_files(self) -> Files:
        """Each call opens its own connections: one per process is enough."""
        return Files(self.job.s3)

    def open_store(self, files: Files) -> Store:
        """Parts, probe records and item records; flow too, unless it has its own place."""
        chosen = self.job.store.root
        return Store(location_of(chosen) if chosen else self.work / "store", files)

    def open_flow_store(self, files: Files) -> Store:
        chosen = self.job.store.flow
        return Store(location_of(chosen), files) if chosen else self.open_store(files)
