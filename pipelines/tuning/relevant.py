"""The settings of a job that its speed and its picture depend on."""

from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import ITEM_SECTIONS, leaf_values

_LEFT_OUT = ("frames", "stitch")
"""What differs from item to item and is no part of a measurement."""
_RUN = ("engine", "run.workers")


def relevant_settings(job: JobConfig) -> dict[str, Any]:
    """Return by dotted key the settings of the picture, of the job's engine, and the number of workers."""
    sections = {name for name in ITEM_SECTIONS if name not in _LEFT_OUT} | {job.engine}
    values = leaf_values(job)
    return {key: value for key, value in values.items() if key in _RUN or key.partition(".")[0] in sections}


def own_settings(job: JobConfig) -> dict[str, Any]:
    """Return those of them that are not the defaults."""
    defaults = leaf_values(type(job)())
    return {key: value for key, value in relevant_settings(job).items() if defaults.get(key) != value}
