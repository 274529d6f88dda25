"""Worker: performs tasks of the four stages, and turns every error into an answer."""

import logging
import os
import platform
import resource
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from reelmend.core_model.engine import DeviceFull
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.steps_down import StepsDown
from reelmend.pipelines.blame import blame
from reelmend.pipelines.cache.flow_use import FlowUse
from reelmend.pipelines.context import RunContext
from reelmend.pipelines.engines import wants_gpu
from reelmend.pipelines.logs import LogLine, log_fields
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.memory import return_freed, return_large_arrays
from reelmend.pipelines.sizes import Size, flow_size, process_size
from reelmend.pipelines.stages.desk import Desk
from reelmend.pipelines.stages.flow import flow
from reelmend.pipelines.stages.inpaint import inpaint
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.stitch import stitch
from reelmend.pipelines.tasks import Effort, Failure, Receipt, Stage, Task
from reelmend.pipelines.watch.gpu_memory import device_in_use, most_in_use
from reelmend.pipelines.watch.torch_trace import run_traced

log = logging.getLogger(__name__)

STAGES: dict[Stage, Callable[[Task, Desk], Receipt]] = {
    Stage.PROBE: probe,
    Stage.FLOW: flow,
    Stage.INPAINT: inpaint,
    Stage.STITCH: stitch,
}


# A group of pairs as RAFT takes them at once.
_WARM_UP_FRAMES = 9


class Worker:
    """One a process; not thread-safe."""

    def __init__(self, context: RunContext) -> None:
        if not wants_gpu(context.job):  # networks on a CPU would take half as long again
            return_large_arrays()
        self._desk = Desk(context)

    def warm(self, stage: Stage) -> None:
        """Build what tasks of `stage` need, so that the first one does not wait for it."""
        expected, job = self._desk.context.expected_size, self._desk.context.job
        if stage is Stage.FLOW:
            size = _rows_first(flow_size(expected, job)) if expected else None
            self._desk.flow.warm(size)
            if size and wants_gpu(job) and most_in_use():
                # So that what a group of pairs needs is known before the first. Other videos may be smaller, and those
                # that are not will say so.
                with suppress(DeviceFull):
                    self._desk.flow.estimate(np.zeros((_WARM_UP_FRAMES, *size, 3), np.uint8))
        if stage is Stage.INPAINT:
            self._desk.engine.warm(_rows_first(process_size(expected, job)) if expected else None)

    def perform(self, task: Task) -> Receipt | Failure:
        """Do the task. Whatever goes wrong comes back as a Failure; only an interrupt is raised."""
        names = {"segment": task.segment and task.segment.index, "chunk": task.chunk and task.chunk.index}
        with log_fields(run=self._desk.context.run_id, stage=str(task.stage), item=task.item.id, **names):
            before = (time.time(), self._desk.files.bytes_read, self._memory_steps)
            answer = self._attempt(task)
            answer = replace(answer, effort=self._effort(*before))
            _tell(answer)
            return answer

    def _attempt(self, task: Task) -> Receipt | Failure:
        PROGRESS.begin_task()
        began, cpu_began = time.monotonic(), time.process_time()
        self._desk.model_clock.take()  # of a task that failed
        self._desk.flow_use = FlowUse()

        limits = self._desk.context.job.limits
        allowed_s = limits.probe_s if task.stage is Stage.PROBE else limits.task_s

        def work() -> Receipt:
            with held_to(limits, allowed_s):
                receipt = STAGES[task.stage](task, self._desk)
            cpu_seconds = time.process_time() - cpu_began
            return replace(receipt, seconds=time.monotonic() - began, cpu_seconds=cpu_seconds)

        try:
            receipt = run_traced(task, work, self._desk.context, self._desk.files) if task.traced else work()
        except Exception as exc:  # the boundary of a task: a bug in one item must not end the others
            failure = _failure(task, exc, time.monotonic() - began)
            return replace(failure, reason=self._desk.inputs.named(failure.reason))
        finally:
            self._desk.inputs.release()
            return_freed()
        return replace(
            receipt,
            model_seconds=self._desk.model_clock.take(),
            flow=self._desk.flow_use,
            peak_rss_mb=_peak_rss_mb(),
            peak_device_mb=most_in_use() / 2**20,
        )

    @property
    def _memory_steps(self) -> int:
        return self._desk.memory_steps + StepsDown.taken

    def _effort(self, began_at: float, bytes_read: int, memory_steps: int) -> Effort:
        device, used_mb = device_in_use()
        return Effort(
            worker=f"{platform.node()}:{os.getpid()}",
            began_at=began_at,
            bytes_read=self._desk.files.bytes_read - bytes_read,
            memory_steps=self._memory_steps - memory_steps,
            device=device,
            device_used_mb=used_mb,
        )


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


def _peak_rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
