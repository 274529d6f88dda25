"""Worker: performs tasks of the four stages, and turns every error into an answer."""

import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np

from reelmend.core_model.device.allocator import let_segments_grow
from reelmend.core_model.device.memory_ladder import STEPS
from reelmend.core_model.device.peak_memory import peak_rss_mb, rss_mb
from reelmend.core_model.device.recovery import LAST_OPERATOR, RECOVERY
from reelmend.core_model.engine import DeviceFull
from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.engines.device import device_of
from reelmend.pipelines.engines.registry import wants_gpu, works_in_regions
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.sizes import Size, flow_size, process_size
from reelmend.pipelines.stages.blame import blame
from reelmend.pipelines.stages.cuda_debugging import for_debugging, wait_for_each_kernel, watched
from reelmend.pipelines.stages.flow import flow
from reelmend.pipelines.stages.full_memory import keep_snapshots
from reelmend.pipelines.stages.inpaint import inpaint
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.stitch import stitch
from reelmend.pipelines.stages.torch_trace import run_traced
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.tasks import Effort, Failure, FlowTask, InpaintTask, Receipt, Stage, Task
from reelmend.pipelines.utils.logs import LogLine, log_fields
from reelmend.pipelines.utils.malloc import return_freed, return_large_arrays
from reelmend.pipelines.utils.repeating import repeating

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def device_in_use() -> tuple[str, float]:
    """Return (`machine:GPU`, MB in use there by all processes); ("", 0) where this process uses none, or can no longer.

    The GPU is named as the machine numbers it, which is not how the process does: it sees only its own.
    """
    if "torch" not in sys.modules:
        return "", 0.0
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return "", 0.0
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:  # after some errors every call of CUDA fails, and the answer that says so has to get through
        return "", 0.0
    visible = os.environ.get(_VISIBLE, "").split(",")[0]
    return f"{platform.node()}:{visible or torch.cuda.current_device()}", (total - free) / 2**20


def reserved_mb() -> float:
    """Return the MB that torch's allocator holds on this process' GPU; 0 where it uses none."""
    if "torch" not in sys.modules:
        return 0.0
    from reelmend.core_model.device.gpu_load import reserved_bytes

    return reserved_bytes() / 2**20


def most_in_use() -> int:
    """Return the bytes that this process ever had in use on its GPU at the most; 0 where it uses none."""
    if "torch" not in sys.modules:
        return 0
    from reelmend.core_model.device.memory import peak_bytes

    return peak_bytes()


log = logging.getLogger(__name__)

STAGES: dict[Stage, Callable[[Any, WorkerContext], Receipt]] = {  # each takes the tasks of its stage
    Stage.PROBE: probe,
    Stage.FLOW: flow,
    Stage.INPAINT: inpaint,
    Stage.STITCH: stitch,
}


# A group of pairs as RAFT takes them at once.
_WARM_UP_FRAMES = 9
_LOAD_EVERY_S = 1.0
"""Between two looks at the GPU's load: NVML says it of the last second at most."""


class Worker:
    """One a process; not thread-safe."""

    def __init__(self, context: RunContext) -> None:
        if wants_gpu(context.job):
            let_segments_grow()
        if not wants_gpu(replace(context.job, device="auto")):  # networks on a CPU would take half as long again
            return_large_arrays()
        if context.debug_cuda:
            wait_for_each_kernel()
            context = for_debugging(context)
        self._worker_context = WorkerContext(context)

    def warm(self, stage: Stage) -> None:
        """Build what tasks of `stage` need, so that the first one does not wait for it."""
        job = self._worker_context.context.job
        if wants_gpu(job):
            device_of(job)  # before minutes of loading
        # Regions are of many sizes: what is compiled or measured for the frame's would be for nothing.
        of_frames = not (works_in_regions(job) and wants_gpu(job))
        expected = self._worker_context.context.expected_size if of_frames else None
        if stage is Stage.FLOW:
            size = _rows_first(flow_size(expected, job)) if expected else None
            self._worker_context.flow.warm(size)
            if size and wants_gpu(job) and most_in_use():
                # So that what a group of pairs needs is known before the first. Other videos may be smaller, and those
                # that are not will say so.
                with suppress(DeviceFull):
                    self._worker_context.flow.estimate(np.zeros((_WARM_UP_FRAMES, *size, 3), np.uint8))
        if stage is Stage.INPAINT:
            for context in self._worker_context.pair or (self._worker_context,):
                context.engine.warm(_rows_first(process_size(expected, job)) if expected else None)

    def perform(self, task: Task) -> Receipt | Failure:
        """Do the task. Whatever goes wrong comes back as a Failure; only an interrupt is raised."""
        run = self._worker_context.context.run_id
        segment = task.index if isinstance(task, FlowTask) else None
        chunk = task.index if isinstance(task, InpaintTask) else None
        with log_fields(run=run, stage=str(task.stage), item=task.item.id, segment=segment, chunk=chunk):
            before = (time.time(), self._worker_context.files.bytes_read, STEPS.total)
            with self._load_measured() as load:
                answer = self._attempt(task)
            effort = replace(self._effort(*before), device_load=load())
            answer = replace(answer, effort=effort)
            _tell(answer)
            return answer

    def _attempt(self, task: Task) -> Receipt | Failure:
        PROGRESS.begin_task()
        began, cpu_began = time.monotonic(), time.process_time()
        self._worker_context.model_clock.take()  # of a task that failed
        self._worker_context.flow_use = FlowUse()
        self._worker_context.recovery.step = RECOVERY[task.recovery]

        limits = self._worker_context.context.job.limits
        allowed_s = limits.probe_s if task.stage is Stage.PROBE else limits.task_s

        def work() -> Receipt:
            with held_to(limits, allowed_s):
                receipt = STAGES[task.stage](task, self._worker_context)
            cpu_seconds = time.process_time() - cpu_began
            return replace(receipt, seconds=time.monotonic() - began, cpu_seconds=cpu_seconds)

        last = None
        try:
            with watched(task, self._worker_context.context) as last:
                receipt = (
                    run_traced(task, work, self._worker_context.context, self._worker_context.files)
                    if task.traced
                    else work()
                )
        except Exception as exc:  # the boundary of a task: a bug in one item must not end the others
            failure = _failure(task, exc, time.monotonic() - began)
            if last is not None and last.words:
                failure = replace(failure, reason=f"{failure.reason}; {LAST_OPERATOR} {last.words}")
            return replace(failure, reason=self._worker_context.inputs.named(failure.reason))
        finally:
            keep_snapshots(task, self._worker_context.context, self._worker_context.files)
            self._worker_context.inputs.release()
            return_freed()
        return replace(
            receipt,
            model_seconds=self._worker_context.model_clock.take(),
            flow=self._worker_context.flow_use,
            peak_rss_mb=peak_rss_mb(),
            peak_device_mb=most_in_use() / 2**20,
        )

    def _effort(self, began_at: float, bytes_read: int, memory_steps: int) -> Effort:
        device, used_mb = device_in_use()
        return Effort(
            worker=f"{platform.node()}:{os.getpid()}",
            began_at=began_at,
            bytes_read=self._worker_context.files.bytes_read - bytes_read,
            memory_steps=STEPS.total - memory_steps,
            device=device,
            device_used_mb=used_mb,
            device_reserved_mb=reserved_mb() if device else 0.0,
            rss_mb=rss_mb(),
        )

    @contextmanager
    def _load_measured(self) -> Iterator[Callable[[], float | None]]:
        """Measure the GPU's load inside, where the job wants one; yield what returns it."""
        if not wants_gpu(self._worker_context.context.job):
            yield lambda: None
            return
        from reelmend.core_model.device.gpu_load import MeanLoad

        load = MeanLoad()
        with repeating(load.read, _LOAD_EVERY_S, "gpu load"):
            yield lambda: load.value
        if load.value is None:  # a task shorter than that
            load.read()


def _tell(answer: Receipt | Failure) -> None:
    """One line per task, whose fields say which it was."""
    seconds = round(answer.seconds, 3)
    if isinstance(answer, Receipt):
        log.info(LogLine("reused" if answer.reused else "done", task=answer.task_id, seconds=seconds))
    else:
        log.info(LogLine(answer.reason, task=answer.task_id, seconds=seconds, kind=answer.kind, trace=answer.trace))


def _rows_first(size: Size) -> tuple[int, int]:
    width, height = size
    return height, width


def _failure(task: Task, exc: Exception, seconds: float) -> Failure:
    found, trace = blame(task, exc), traceback.format_exc()
    return Failure(task.id, found.kind, found.reason, found.transient, seconds, trace, by_item=found.by_item)
