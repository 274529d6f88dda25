"""Recovery of one item's tasks from errors of CUDA: which step each is at, and which one its others begin with."""

from collections.abc import Sequence
from dataclasses import replace

from reelmend.core_model.device.recovery import LAST_OPERATOR, ON_CPU, RECOVERY
from reelmend.pipelines.tasks import Stage, Task

DEFAULT_STEPS = (1, 2, 3)
"""Without the CPU, as `on_gpu_error=fail` has it."""


class GpuRecovery:
    """Of one item. Its steps have an end, so none of them uses an attempt."""

    def __init__(self, steps: Sequence[int] = DEFAULT_STEPS) -> None:
        """`steps`: numbers in `reelmend.core_model.device.recovery.RECOVERY` that a task may go through, rising."""
        self._steps = tuple(steps)
        self._held: dict[Stage, int] = {}
        self.errors = 0
        """How often CUDA failed so that a process could not go on."""
        self.furthest = 0
        """Number of the furthest step by which something was computed."""

    def after_error(self, task: Task) -> Task | None:
        """Return the task at its next step; None where there is none left."""
        self.errors += 1
        step = next((step for step in self._steps if step > task.recovery), None)
        return None if step is None else replace(task, recovery=step)

    def as_held(self, task: Task) -> Task:
        """Return the task at the step that another one of its stage has needed, if that is further than its own."""
        held = self._held.get(task.stage, 0)
        return task if task.recovery >= held else replace(task, recovery=held)

    def done(self, task: Task) -> None:
        """A task was computed. What had to be done in another way for it is done in that way for the item's others.

        What only needed another process says nothing about them.
        """
        self.furthest = max(self.furthest, task.recovery)
        if RECOVERY[task.recovery].changes:
            self._held[task.stage] = max(task.recovery, self._held.get(task.stage, 0))

    def in_words(self, reason: str) -> str:
        """Return the reason of the last error with all that was tried, and what can be done."""
        ways = "; ".join(RECOVERY[step].how.replace("`", "") for step in self._steps)
        advice = [f"{reason}; tried again {ways}"]
        if LAST_OPERATOR not in reason:
            advice.append("reelmend run --debug-cuda names the operator")
        if RECOVERY.index(ON_CPU) not in self._steps:
            advice.append("on_gpu_error=cpu computes such items on the CPU")
        return "; ".join(advice)
