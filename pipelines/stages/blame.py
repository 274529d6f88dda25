"""Attribution of a task's error: to the item's data, the store, or the machine.

The run stops when the machine is at fault again and again. So an error that a stranger's file may have caused must
never count for that, however many such files come in a row.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import cv2

from reelmend.core_model.device.cuda_errors import context_fault, ending_fault
from reelmend.pipelines.engines.device import refused_gpu
from reelmend.pipelines.errors import (
    FailureKind,
    ItemError,
    MediaError,
    ReelmendError,
    SourceUnreadable,
    StoreError,
    first_line,
    kind_of,
)
from reelmend.pipelines.tasks import Item, Stage, Task
from reelmend.pipelines.utils.system_errors import FULL_OR_BROKEN_DISK, store_error, unreadable

_OF_DATA = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, RecursionError, TypeError,
    ValueError, cv2.error,
)  # fmt: skip
"""What our own code and the libraries raise over content that nobody expected."""


@dataclass(frozen=True)
class Blame:
    """How the failure of a task is to be taken."""

    kind: str
    """A `FailureKind`, or the class name of an error that nobody expected."""
    reason: str
    transient: bool
    """Worth another attempt."""
    by_item: bool
    """The item's data may have caused it, so that it says nothing about the machine."""


def blame(task: Task, error: Exception) -> Blame:
    """Return how `error`, raised by `task`, is to be taken."""
    item = task.item
    if lost := _lost_context(error):
        return Blame(FailureKind.CONTEXT_LOST, f"{item.video}: {lost}", transient=True, by_item=False)
    match error:
        case ItemError():
            return Blame(kind_of(error), str(error), transient=False, by_item=True)
        case SourceUnreadable():
            return Blame(kind_of(error), str(error), transient=True, by_item=True)
        case StoreError(__cause__=OSError() as cause) if _source_named(item, cause) is not None:
            return _of_system(item, cause)
        case ReelmendError():
            return Blame(kind_of(error), str(error), transient=True, by_item=False)
        case av.error.FFmpegError():
            return _of_ffmpeg(item, error)
        case OSError():
            return _of_system(item, error)
        case MemoryError():
            reason = f"{item.video}: not enough memory for it ({first_line(error)})"
            return Blame(FailureKind.MEMORY, reason, transient=True, by_item=task.stage is Stage.PROBE)
    by_item = task.stage is Stage.PROBE or isinstance(error, _OF_DATA)
    return Blame(kind_of(error), f"{type(error).__name__}: {error}", transient=True, by_item=by_item)


def _lost_context(error: Exception) -> str:
    """Return why this process can no longer use its GPU, in one line; "" where it can, or has used none."""
    if refused := refused_gpu(error):
        return refused
    found = ending_fault(error) or context_fault()
    return "" if found is None else f"CUDA failed, {found[0]}: {first_line(found[1])}"


def _of_ffmpeg(item: Item, error: Exception) -> Blame:
    """FFmpeg's numbers are the system's where it writes; of what it reads they speak about the content."""
    number, said = getattr(error, "errno", None), getattr(error, "strerror", None) or error
    if number in FULL_OR_BROKEN_DISK:
        return Blame(FailureKind.STORE, f"{item.video}: {said} ({item.output})", transient=True, by_item=False)
    reason = f"{item.video}: FFmpeg cannot work with its content ({said})"
    return Blame(FailureKind.MEDIA, reason, transient=False, by_item=True)


def _of_system(item: Item, error: OSError) -> Blame:
    source = _source_named(item, error)
    if source is not None:
        found = unreadable(source, error)
        of_mask = isinstance(found, MediaError) and source != item.video
        kind = FailureKind.MASK if of_mask else kind_of(found)
        return Blame(kind, str(found), transient=isinstance(found, SourceUnreadable), by_item=True)
    reason = f"{item.video}: {error.strerror or error} ({error.filename or item.output})"
    return Blame(kind_of(store_error(reason, error)), reason, transient=True, by_item=False)


def _source_named(item: Item, error: OSError) -> Path | None:
    """Return the item's video or mask if the error names it, or a file in it."""
    if not isinstance(error.filename, str | bytes):
        return None
    named = Path(error.filename.decode(errors="replace") if isinstance(error.filename, bytes) else error.filename)
    for source in (item.mask, item.video):
        if isinstance(source, Path) and (named == source or source in named.parents):
            return source
    return None
