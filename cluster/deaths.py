"""What became of a process that Ray lost, and was it its machine that went away?"""

from ray.exceptions import ActorUnavailableError, NodeDiedError, OutOfMemoryError, RayError, RayTaskError


def with_its_machine(error: RayError) -> bool:
    """Whether the whole machine went away, or cannot be reached: of a process alone its machine would tell."""
    return isinstance(error, NodeDiedError | ActorUnavailableError) or "its node has died" in str(error)


def one_line(error: RayError) -> str:
    """Return what became of the process, from Ray's paragraphs."""
    if isinstance(error, OutOfMemoryError):
        return "its machine ran out of memory, and Ray ended it; set run.workers lower"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
    if with_its_machine(error):
        return "its machine went away, or cannot be reached"
    text = str(error)
    if "connection error code 2" in text or "unexpectedly while executing" in text:
        return "its process vanished: killed (by the system when memory runs out), or a crash in native code"
    lines = text.split("Worker exit detail:")[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__  # a task that was cancelled says nothing more
