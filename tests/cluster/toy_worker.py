"""A worker that does what an item's name says, so that a test can make any of its tasks fail in any way.

`<what>_in_<stage>` happens in the tasks of that stage: `kills` ends the process with SIGKILL, `kills_once` only the
first time, `hangs` never returns, `waits` does when there is a file `go`, `bad` blames the data, `shaky` the machine.
Any other name succeeds.
"""

import os
import signal
import threading
import time
from pathlib import Path

from reelmend.pipelines.config import JobConfig, PoolsConfig, RunConfig
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.tasks import RECEIPTS, Block, Chunk, Failure, Item, ItemPlan, Receipt, Segment, Stage, Task


def toy_item(name: str, folder: Path) -> Item:
    return Item(id=name, video=folder / f"{name}.mp4", mask=folder / "mask.png", output=folder / f"{name}_out.mp4")


def toy_plan(chunks: int = 1) -> ItemPlan:
    """Chunks of twenty frames, each of which reads two segments of its own."""
    frames = 20 * chunks
    starts = range(0, frames, 20)
    blocks = [Block(start, start + 20, start, start + 20, start, start + 20, 0, frames) for start in starts]
    return ItemPlan(
        probe_key="probe",
        frames=frames,
        width=64,
        height=48,
        segments=tuple(Segment(n, 10 * n, min(10 * n + 10, frames - 1)) for n in range(2 * chunks)),
        chunks=tuple(Chunk(n, (block,), segments=(2 * n, 2 * n + 1)) for n, block in enumerate(blocks)),
    )


def toy_context(
    folder: Path, *, workers: int = 0, name: str = "toy", grace_s: float = 60.0, pools: PoolsConfig | None = None
) -> RunContext:
    run = RunConfig(workers=workers, stop_grace_s=grace_s)
    job = JobConfig(name=name, out=str(folder), run=run, pools=pools or PoolsConfig())
    return RunContext(run_id=folder.name, job=job)


def visits(folder: Path) -> list[tuple[str, int]]:
    """(task id, process id) of every task that was begun, in order."""
    return [(task_id, int(pid)) for task_id, pid, _ in _diary(folder)]


def gpus_seen(folder: Path, stage: Stage) -> set[str]:
    """The values of CUDA_VISIBLE_DEVICES in the processes that did this stage."""
    return {gpus for task_id, _, gpus in _diary(folder) if task_id.startswith(stage)}


def _diary(folder: Path) -> list[list[str]]:
    diary = folder / "visits"
    return [line.split(" ") for line in diary.read_text().splitlines()] if diary.exists() else []


class ToyWorker:
    def __init__(self, context: RunContext) -> None:
        assert isinstance(context.out, Path)
        self._folder = context.out
        self._cannot_start = context.job.name == "cannot start"

    def warm(self, stage: Stage) -> None:
        if self._cannot_start:
            raise FileNotFoundError("weights.pth is missing")

    def perform(self, task: Task) -> Receipt | Failure:
        with (self._folder / "visits").open("a") as diary:
            diary.write(f"{task.id} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}\n")
        what, _, stage = task.item.id.lstrip("0123456789_").rpartition("_in_")
        if stage == task.stage:
            match what:
                case "kills":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "kills_once" if _first_time(self._folder / f"killed_{task.item.id}"):
                    os.kill(os.getpid(), signal.SIGKILL)
                case "hangs":
                    threading.Event().wait()
                case "waits":
                    while not (self._folder / "go").exists():
                        time.sleep(0.02)
                case "bad":
                    return Failure(task.id, "MediaError", "no frames", transient=False)
                case "shaky":
                    return Failure(task.id, "StoreError", "disk full", transient=True)
        planned = {"plan": toy_plan()} if task.stage is Stage.PROBE else {}
        return RECEIPTS[task.stage](task.id, **planned)  # type: ignore[arg-type]


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
