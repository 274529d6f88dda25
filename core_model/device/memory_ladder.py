"""The ladder of out-of-memory: what is done when memory is insufficient, what that costs, and what it does to the picture.

Whoever meets a full memory takes a rung of this table: it says how far the amount goes down, and counts the step. Each
place remembers where it arrived, so that a step is rarely taken twice. Imports no torch: the driver reads it, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Picture(StrEnum):
    """What becomes of the picture."""

    SAME = "the same"
    ROUNDED = "the same up to rounding: single grey levels on a GPU"
    COARSER = "coarser, and recorded in the ledger"
    NONE = "not restored"


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to need less memory."""

    step: str
    """What is done, in words."""
    amount: str
    """What goes down, with its unit."""
    down: Callable[[int], int]
    """From one amount to the next; never below `least`."""
    least: int
    """The amount below which this rung does not go: the next rung has to help."""
    costs: str
    """What is paid for it."""
    picture: Picture
    taken_by: str
    """The module that takes it."""
    remembered: str
    """Where the amount that was found holds."""

    def below(self, amount: int) -> int | None:
        """Return the next amount to try where `amount` did not fit; None where there is nothing below it."""
        return max(self.least, self.down(amount)) if amount > self.least else None


FEWER_WINDOWS = Rung(
    "fewer windows of the generator at once",
    "windows",
    lambda windows: windows // 2,
    least=1,
    costs="time, where a single window does not fill the GPU",
    picture=Picture.ROUNDED,
    taken_by="core_model/device/window_batch.py",
    remembered="for frames of this size, by the worker",
)
FEWER_PAIRS = Rung(
    "fewer pairs of frames at once, for optical flow",
    "pairs",
    lambda pairs: pairs // 2,
    least=1,
    costs="time, where a single pair does not fill the GPU",
    picture=Picture.ROUNDED,
    taken_by="core_model/flow/raft.py",
    remembered="for frames of this size, by the worker",
)
HOST_MEMORY = Rung(
    "a sub-video in host memory, a few frames of it on the GPU",
    "sub-videos on the GPU",
    lambda sub_videos: sub_videos - 1,
    least=0,
    costs="transfers between host and GPU",
    picture=Picture.ROUNDED,
    taken_by="core_model/device/offload.py",
    remembered="for sub-videos of this size and larger ones, by the worker",
)
SMALLER_BLOCK = Rung(
    "the block at a smaller size, with `process.out_of_memory=smaller`",
    "pixels of the longest side",
    lambda side: side * 3 // 4,
    least=320,  # what needs less than this has another problem than its size
    costs="detail inside the mask",
    picture=Picture.COARSER,
    taken_by="pipelines/stages/inpaint.py",
    remembered="for pictures of this size, by the worker",
)
GIVE_UP = Rung(
    "the item quarantined, with advice",
    "items",
    lambda items: items - 1,
    least=0,
    costs="the item",
    picture=Picture.NONE,
    taken_by="pipelines/stages/inpaint.py, pipelines/stages/flow.py",
    remembered="in the ledger",
)
FEWER_PROCESSES = Rung(
    "one worker, or one concurrent task, less",
    "processes",
    lambda processes: processes - 1,
    least=1,
    costs="throughput",
    picture=Picture.SAME,
    taken_by="cluster/scheduler.py",
    remembered="until the run ends",
)

LADDER = (FEWER_WINDOWS, FEWER_PAIRS, HOST_MEMORY, SMALLER_BLOCK, GIVE_UP, FEWER_PROCESSES)
"""In the order in which they are tried: those of a GPU's memory, and last the one of a machine's."""


class StepsTaken:
    """How often this process has gone down a rung; only grows."""

    def __init__(self) -> None:
        self.by_rung = dict.fromkeys(LADDER, 0)

    def take(self, rung: Rung) -> None:
        self.by_rung[rung] += 1

    @property
    def total(self) -> int:
        return sum(self.by_rung.values())


STEPS = StepsTaken()
"""Of this process, which has one task at a time."""


def amounts_below(rung: Rung, amount: int) -> list[int]:
    """Return all amounts that `rung` offers where `amount` did not fit, the largest first."""
    found = []
    while (lower := rung.below(amount)) is not None:
        found.append(amount := lower)
    return found


def as_markdown() -> str:
    """Return the ladder as the table of docs/architecture.md."""
    head = "| step | costs | the picture is | remembered | taken in |\n|---|---|---|---|---|\n"
    rows = (
        f"| {rung.step} | {rung.costs} | {rung.picture} | {rung.remembered} | "
        f"{', '.join(f'`{name}`' for name in rung.taken_by.split(', '))} |\n"
        for rung in LADDER
    )
    return head + "".join(rows)
