"""Recovery from errors of CUDA that leave a process without a usable context: what changes for the task, step by step.

A task goes through the steps in this order, each in a process whose context is whole, and no further than the one that
works. Imports no torch: the driver reads it, too.
"""

from dataclasses import dataclass

from reelmend.core_model.device.memory_ladder import Picture


@dataclass(frozen=True, slots=True)
class RecoveryStep:
    """One way to compute a task after CUDA failed on it."""

    name: str
    """In the ledger, and in parts."""
    how: str
    """The same in words."""
    costs: str
    picture: Picture
    plain: bool = False
    """Networks are not compiled, and attention is written out instead of a fused kernel."""
    exact: bool = False
    """Networks compute in fp32, without TF32."""
    on_cpu: bool = False
    """No GPU is used."""

    @property
    def changes(self) -> bool:
        """Whether anything is computed in another way than the job asks for."""
        return self.plain or self.exact or self.on_cpu


AS_ASKED = RecoveryStep("as_asked", "as the job asks", "nothing", Picture.SAME)
NEW_PROCESS = RecoveryStep(
    "new_process", "as the job asks, in another process", "the time that a worker takes to start", Picture.SAME
)
PLAIN = RecoveryStep(
    "plain",
    "without compilation, with attention by `math`",
    "time, and memory of attention",
    Picture.ROUNDED,
    plain=True,
)
EXACT = RecoveryStep(
    "fp32",
    "in fp32, without TF32, compilation or fused attention",
    "time, and twice the memory of half precision",
    Picture.ROUNDED,
    plain=True,
    exact=True,
)
ON_CPU = RecoveryStep(
    "cpu",
    "on the CPU (`on_gpu_error=cpu`)",
    "the CPU's time, while the worker holds its GPU",
    Picture.ROUNDED,
    plain=True,
    exact=True,
    on_cpu=True,
)

RECOVERY = (AS_ASKED, NEW_PROCESS, PLAIN, EXACT, ON_CPU)
"""In the order in which they are tried; a task holds the number of its step."""

LAST_OPERATOR = "the last operator was"
"""Begins what an error's reason says of the operator at fault, where that was asked for."""

_BY_NAME = {step.name: step for step in RECOVERY}


def step_named(name: str) -> RecoveryStep:
    """Return the step of this name; the first one for a name that only another version has."""
    return _BY_NAME.get(name, AS_ASKED)


def recovery_note(step: RecoveryStep) -> list[str]:
    """Return what a person should know of a result of which something was computed by this step; empty for the first."""
    how = step.how.replace("`", "")
    return [] if step is AS_ASKED else [f"CUDA failed on it, and it was computed {how}"]


def as_markdown() -> str:
    """Return the steps as the table of docs/gpu.md."""
    head = "| step | computed | costs | the picture is |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{step.name}` | {step.how} | {step.costs} | {step.picture} |\n" for step in RECOVERY if step is not AS_ASKED
    )
