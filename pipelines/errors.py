"""Errors by who can fix them, and the exit statuses that scripts read.

ReelmendError
├── ConfigError       the user: a key, a value or a path of the job is wrong          exit 2, before any work
│   └── OddName         a name that cannot be used                                    item quarantined if others go on
├── SetupError        the machine: missing codec, unwritable output, no Ray           exit 2, before any work
├── ItemError         the data: this one video or mask cannot be restored             item quarantined, exit 3
│   ├── MediaError      the video cannot be read, or holds no frames
│   ├── MaskError       the mask is missing, or does not fit its video
│   ├── ArrayError      frames or masks in memory have a wrong shape or type (also a ValueError)
│   ├── OutputTaken     what lies where it would be written is not its own, and `run.existing` is refuse
│   ├── OverLimit       it is larger or takes longer than the job's `limits` allow
│   ├── MemoryShort     no GPU of this run has the memory for this size
│   └── NotFinite       the networks' numbers overflow on this video
└── TransientError    the machine, for now: may succeed when tried again              retried, then item failed, exit 3
    ├── SourceUnreadable  the video or mask is there and cannot be read now (I/O error)
    ├── StoreError      reading or writing an artefact failed (disk full, I/O error)
    │   └── StoreAway     the store does not answer: the run waits for it      exit 75 when that takes too long
    ├── SourceChanged   a video or mask was written while it was read
    ├── ContextLost     CUDA failed, and the process can no longer use its GPU
    └── WorkerLost      the process that held the task died
        ├── MachineLost   its whole machine went away (a spot machine that was taken back)
        └── MemoryLost    its machine ran out of memory
"""

from enum import StrEnum


class ReelmendError(Exception):
    """Base of every error this project raises on purpose; its text is one clear line for a person."""


class ConfigError(ReelmendError):
    """The job cannot be run as written."""


class OddName(ConfigError):
    """A video, mask or output is called what no name can be; costs that item where there are others."""


class SetupError(ReelmendError):
    """This machine lacks something that the job needs."""


class ItemError(ReelmendError):
    """This item cannot be restored; trying again gives the same answer."""


class MediaError(ItemError):
    """The video cannot be read."""


class MaskError(ItemError):
    """The mask cannot be read or does not fit its video."""


class ArrayError(ItemError, ValueError):
    """Frames or masks given as arrays have a wrong shape or type."""


class OutputTaken(ItemError):
    """What lies where the item would be written is not this job's to replace."""


class OverLimit(ItemError):
    """The video or the mask takes more than the job's limits allow."""


class MemoryShort(ItemError):
    """The GPU's memory is insufficient for pictures of this size."""


class NotFinite(ItemError):
    """The networks' numbers overflow, at this precision or with these weights."""


class TransientError(ReelmendError):
    """May succeed when it is tried again."""


class StoreError(TransientError):
    """An artefact could not be read or written."""


class StoreAway(StoreError):
    """The store does not answer; nothing is wrong with what was asked for."""


class SourceChanged(TransientError):
    """A video or mask is not, for now, what the probe saw; what was computed from it is not published."""


class ContextLost(TransientError):
    """CUDA failed so that the process can no longer use its GPU; another process may."""


class SourceUnreadable(TransientError):
    """A video or mask cannot be read now; the fault is its own, not the run's."""


class WorkerLost(TransientError):
    """The process that held the task died before it answered."""


class MachineLost(WorkerLost):
    """The machine went away on which the task was done."""


class MemoryLost(WorkerLost):
    """The process was ended because its machine ran out of memory."""


class FailureKind(StrEnum):
    """Kind of a failure, as ledger, logs, reports and scripts know it: the name of the error's class.

    An error that nobody expected has no member: its kind is the name of its class as it is (`kind_of`).
    """

    CONFIG = "ConfigError"
    ODD_NAME = "OddName"
    SETUP = "SetupError"
    ITEM = "ItemError"
    MEDIA = "MediaError"
    MASK = "MaskError"
    ARRAY = "ArrayError"
    OUTPUT_TAKEN = "OutputTaken"
    OVER_LIMIT = "OverLimit"
    MEMORY_SHORT = "MemoryShort"
    NOT_FINITE = "NotFinite"
    TRANSIENT = "TransientError"
    SOURCE_UNREADABLE = "SourceUnreadable"
    STORE = "StoreError"
    STORE_AWAY = "StoreAway"
    SOURCE_CHANGED = "SourceChanged"
    CONTEXT_LOST = "ContextLost"
    """The process that answers so must get no further task."""
    WORKER_LOST = "WorkerLost"
    MACHINE_LOST = "MachineLost"
    MEMORY_LOST = "MemoryLost"
    MEMORY = "MemoryError"
    """Python's own: the worker's process could not get memory, and lives on."""


PROCESS_LOST = frozenset({FailureKind.WORKER_LOST, FailureKind.MACHINE_LOST, FailureKind.MEMORY_LOST})
"""The process that held the task is gone: it answered nothing itself."""
ACCUSES_NOBODY = frozenset({FailureKind.MACHINE_LOST, FailureKind.STORE_AWAY})
"""However many come in a row, they do not say that the run cannot succeed: machines come back, and a store that answers
others lacks one item's object."""


_BY_NAME = {str(kind): kind for kind in FailureKind}


def kind_of(error: BaseException | type[BaseException]) -> str:
    """Return the kind of a failure by this error: a `FailureKind`, or the name of a class that nobody expected."""
    name = error.__name__ if isinstance(error, type) else type(error).__name__
    return _BY_NAME.get(name, name)


def kind_of_death(*, with_machine: bool, out_of_memory: bool) -> FailureKind:
    """Return the kind of a failure by a process that died before it answered."""
    if with_machine:
        return FailureKind.MACHINE_LOST
    return FailureKind.MEMORY_LOST if out_of_memory else FailureKind.WORKER_LOST


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line; the name of its class where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


EXIT_BUG = 1
EXIT_NOT_STARTED = 2
"""Job or machine wrong, before any work."""
EXIT_INCOMPLETE = 3
"""Some items are quarantined or failed."""
EXIT_DELETED = 4
"""Somebody deleted the run that was waited for."""
EXIT_TRY_AGAIN = 75
"""A store did not answer for longer than the run waits (EX_TEMPFAIL of sysexits.h): the same command, later."""
EXIT_INTERRUPTED = 130
"""Running the same command again resumes."""


def as_shell_says(code: int) -> int:
    """Python tells of a process that signal 9 killed with -9, a shell with 137."""
    return 128 - code if code < 0 else code
