"""Trace of one task by torch's profiler, stored among the run's own files."""

import gzip
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from reelmend.core_model.ranges import ranges_shown
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.run_layout import PROFILE_FOLDER
from reelmend.pipelines.tasks import Receipt, Task, TraceDetail
from reelmend.pipelines.utils.logs import LogLine

if TYPE_CHECKING:
    from torch.profiler import profile

TASK_SPAN = "reelmend "
"""Begins the name of the span that holds the whole task in torch's trace of it."""


def task_name(task: Task) -> str:
    """Return the task's name as files have it."""
    return f"{task.stage}-{task.item.id.replace('/', '_')}-{task.index}"


def trace_name(task: Task) -> str:
    """Return the name of the file that torch's trace of this task is kept in."""
    return f"torch-{task_name(task)}.json.gz"


def memory_name(task: Task) -> str:
    """Return the name of the file that holds the GPU's memory after this task, and how it came to that."""
    return f"memory-{task_name(task)}.pickle"


log = logging.getLogger(__name__)

# Else kineto, torch's profiler, prints a line into stderr when it begins and one when it ends.
os.environ.setdefault("KINETO_LOG_LEVEL", "6")


def run_traced(task: Task, work: Callable[[], Receipt], context: RunContext, files: Files) -> Receipt:
    """Do `work` under torch's profiler and keep the trace, unless nothing was computed.

    A trace that cannot be kept is a warning: the task is done all the same. Writing one takes seconds, which `work`
    does not see. With the detail NVTX there are ranges for a profiler outside, and no trace.
    """
    import torch  # takes seconds, and the driver does not need it
    from torch.profiler import ProfilerActivity, profile, record_function

    has_cuda, details = torch.cuda.is_available(), task.trace_details
    if TraceDetail.NVTX in details:
        return _in_nvtx_ranges(task, work)
    remembers = has_cuda and TraceDetail.MEMORY in details
    with ExitStack() as stack:
        if remembers:
            from reelmend.core_model.device.memory_snapshot import history, snapshot

            stack.enter_context(history())
        profiler = stack.enter_context(
            profile(
                activities=[ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if has_cuda else []),
                record_shapes=TraceDetail.SHAPES in details,
                profile_memory=TraceDetail.MEMORY in details,
                with_stack=TraceDetail.STACK in details,
            )
        )
        stack.enter_context(ranges_shown(record_function))
        stack.enter_context(record_function(TASK_SPAN + task.id))
        receipt = work()
        memory = snapshot() if remembers else b""
    if not receipt.reused:
        folder = context.work / PROFILE_FOLDER
        try:
            _keep(profiler, folder / trace_name(task), files)
            if memory:
                files.write(folder / memory_name(task), memory)
        except (OSError, RuntimeError, StoreError) as exc:
            log.warning(LogLine(f"no trace: {exc}", task=task.id))
    return receipt


def _in_nvtx_ranges(task: Task, work: Callable[[], Receipt]) -> Receipt:
    import torch
    from torch.cuda import nvtx

    if not torch.cuda.is_available():
        log.warning(LogLine("no NVTX ranges: torch sees no CUDA device here", task=task.id))
        return work()
    with ranges_shown(nvtx.range), nvtx.range(TASK_SPAN + task.id):
        return work()


def _keep(profiler: "profile", place: Location, files: Files) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch) / "trace.json"
        profiler.export_chrome_trace(str(local))
        files.write(place, gzip.compress(local.read_bytes(), compresslevel=3))
