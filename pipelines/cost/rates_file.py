"""Search for a rates file where a job names none."""

from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.stores.files import Files
from reelmend.pipelines.stores.location import Location

FILE_NAME = "rates.yaml"


def rates_beside(job_file: Location | None, job: JobConfig) -> str | None:
    """Return the rates.yaml beside the job file or in the current folder, if the job names none and there is one."""
    if job.cost.rates is not None:
        return job.cost.rates
    files = Files(job.s3)
    folders = [Path()] if job_file is None else [job_file.parent, Path()]
    return next((str(folder / FILE_NAME) for folder in folders if files.exists(folder / FILE_NAME)), None)
