"""A worker that does what an item's name says, so that a test can make any of its tasks fail in any way.

`<what>_in_<stage>` happens in the tasks of that stage: `kills` ends the process with SIGKILL, `kills_once` only the
first time, `hangs` never returns, `bad` blames the data, `shaky` the machine. Any other name succeeds.
"""

import os
import signal
import threading
from pathlib import Path

from pipelines.config import JobConfig, RunConfig
from pipelines.context import RunContext
from pipelines.tasks import Block, Chunk, Failure, Item, ItemPlan, Receipt, Segment, Stage, Task


def toy_item(name: str, folder: Path) -> Item:
    return Item(id=name, video=folder / f"{name}.mp4", mask=folder / "mask.png", output=folder / f"{name}_out.mp4")


def toy_plan() -> ItemPlan:
    """Two segments, and one chunk that reads both."""
    chunk = Chunk(0, (Block(0, 20, 0, 20, 0, 20),), segments=(0, 1))
    return ItemPlan("probe", 20, 64, 48, (Segment(0, 0, 10), Segment(1, 10, 19)), (chunk,))


def toy_context(folder: Path, *, workers: int = 0, name: str = "toy") -> RunContext:
    return RunContext(run_id=folder.name, job=JobConfig(name=name, out=str(folder), run=RunConfig(workers=workers)))


def visits(folder: Path) -> list[tuple[str, int]]:
    """(task id, process id) of every task that was begun, in order."""
    diary = folder / "visits"
    lines = diary.read_text().splitlines() if diary.exists() else []
    return [(task_id, int(pid)) for task_id, pid in (line.split() for line in lines)]


class ToyWorker:
    def __init__(self, context: RunContext) -> None:
        self._folder = context.out
        self._cannot_start = context.job.name == "cannot start"

    def warm(self, stage: Stage) -> None:
        if self._cannot_start:
            raise FileNotFoundError("weights.pth is missing")

    def perform(self, task: Task) -> Receipt | Failure:
        with (self._folder / "visits").open("a") as diary:
            diary.write(f"{task.id} {os.getpid()}\n")
        what, _, stage = task.item.id.lstrip("0123456789_").rpartition("_in_")
        if stage == task.stage:
            match what:
                case "kills":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "kills_once" if _first_time(self._folder / f"killed_{task.item.id}"):
                    os.kill(os.getpid(), signal.SIGKILL)
                case "hangs":
                    threading.Event().wait()
                case "bad":
                    return Failure(task.id, "MediaError", "no frames", transient=False)
                case "shaky":
                    return Failure(task.id, "StoreError", "disk full", transient=True)
        plan = toy_plan() if task.stage is Stage.PROBE else None
        return Receipt(task.id, plan=plan, final="restored" if task.stage is Stage.STITCH else None)


def _first_time(marker: Path) -> bool:
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Holder:
    """Somebody else's actor, which holds what it was given."""

    def hold(self) -> None:
        """Return when it is there."""
