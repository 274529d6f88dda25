"""What became of a process that Ray lost, and was it its machine that went away?"""

from ray.exceptions import LocalRayletDiedError, NodeDiedError, OutOfMemoryError, RayActorError, RayError, RayTaskError

# Ray says so of actors only in its paragraph; what it says of tasks has a class of its own.
_MACHINE = ("node has died", "node was preempted", "node was terminated", "node is dead", "its node")


def with_its_machine(error: RayError) -> bool:
    """Whether the whole machine went away, as far as Ray knows: it may learn of that after the process was missed."""
    if isinstance(error, NodeDiedError | LocalRayletDiedError) or (
        isinstance(error, RayActorError) and error.preempted
    ):
        return True
    return any(said in str(error) for said in _MACHINE)


def one_line(error: RayError) -> str:
    """Return what became of the process, from Ray's paragraphs."""
    if isinstance(error, OutOfMemoryError):
        return "its machine ran out of memory, and Ray ended it; set run.workers lower"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
    text = str(error)
    if "connection error code 2" in text or "unexpectedly while executing" in text:
        return "its process vanished: killed (by the system when memory runs out), or a crash in native code"
    return text.split("Worker exit detail:")[-1].strip().splitlines()[0]
