"""Trace of one task by torch's profiler, stored among the run's own files."""

import gzip
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.run_layout import PROFILE_FOLDER
from reelmend.pipelines.tasks import Receipt, Task
from reelmend.pipelines.utils.logs import LogLine

if TYPE_CHECKING:
    from torch.profiler import profile

TASK_SPAN = "reelmend "
"""Begins the name of the span that holds the whole task in torch's trace of it."""


def trace_name(task: Task) -> str:
    """Return the name of the file that torch's trace of this task is kept in."""
    return f"torch-{task.stage}-{task.item.id.replace('/', '_')}-{task.index}.json.gz"


log = logging.getLogger(__name__)

# Else kineto, torch's profiler, prints a line into stderr when it begins and one when it ends.
os.environ.setdefault("KINETO_LOG_LEVEL", "6")


def run_traced(task: Task, work: Callable[[], Receipt], context: RunContext, files: Files) -> Receipt:
    """Do `work` under torch's profiler and keep the trace, unless nothing was computed.

    A trace that cannot be kept is a warning: the task is done all the same. Writing one takes seconds, which `work`
    does not see.
    """
    import torch  # takes seconds, and the driver does not need it
    from torch.profiler import ProfilerActivity, profile, record_function

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])
    with profile(activities=activities) as profiler, record_function(TASK_SPAN + task.id):
        receipt = work()
    if not receipt.reused:
        try:
            _keep(profiler, context.work / PROFILE_FOLDER / trace_name(task), files)
        except (OSError, RuntimeError, StoreError) as exc:
            log.warning(LogLine(f"no trace: {exc}", task=task.id))
    return receipt


def _keep(profiler: "profile", place: Location, files: Files) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch) / "trace.json"
        profiler.export_chrome_trace(str(local))
        files.write(place, gzip.compress(local.read_bytes(), compresslevel=3))
