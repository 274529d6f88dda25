"""Changes of `reelmend run --debug-cuda` to a process that computes: an error of CUDA names its operator."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from reelmend.pipelines.choices import Compile
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.tasks import Stage, Task

if TYPE_CHECKING:
    from reelmend.core_model.device.last_operator import LastOperator

log = logging.getLogger(__name__)

BLOCKING = {"CUDA_LAUNCH_BLOCKING": "1", "PYTORCH_USE_CUDA_DSA": "1"}
"""The host waits for each kernel; assertions inside kernels say where they are, in builds of torch that have them."""


def wait_for_each_kernel() -> None:
    """Let CUDA report errors in the call that causes them. To be called before CUDA starts in this process, and once or more."""
    if BLOCKING.items() <= os.environ.items():
        return
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        log.warning("CUDA has started before --debug-cuda: errors may name a later operator than the one at fault")
    os.environ.update(BLOCKING)


def for_debugging(context: RunContext) -> RunContext:
    """Return the context of a process in which errors are localised: nothing is compiled."""
    networks = replace(context.job.propainter, compile=Compile.off, cuda_graphs=False)
    return replace(context, job=replace(context.job, propainter=networks))


@contextmanager
def watched(task: Task, context: RunContext) -> "Iterator[LastOperator | None]":
    """Inside, follow the operators of a task that computes; yield None, at no cost, where that is not asked for."""
    if not context.debug_cuda or task.stage not in (Stage.FLOW, Stage.INPAINT):
        yield None
        return
    from reelmend.core_model.device.last_operator import LastOperator

    with LastOperator() as last:
        yield last
