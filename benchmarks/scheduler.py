"""Does the scheduler keep its workers busy? Simulated work on a real Ray: actors that sleep as long as a chunk would take.

`python -m benchmarks.scheduler` prints chunks a second, the share of the time in which workers work, the latency
between two chunks of a worker, the driver's processor time a chunk and its memory; exits 1 when a gate is missed.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster.executor import RayExecutor
from pipelines.config import JobConfig, RunConfig
from pipelines.context import RunContext
from pipelines.ledger import ItemRow
from pipelines.run_state import RunState
from pipelines.tasks import Block, Chunk, Failure, Item, ItemPlan, Receipt, Segment, Stage, Task

_FRAMES = 20  # of a chunk
_CHUNK_SECONDS = "REELMEND_BENCHMARK_CHUNK_SECONDS"
LEAST_BUSY = 0.95
LEAST_CHUNKS_A_SECOND = 300.0
MOST_GROWTH_MB = 20.0


class SleepingWorker:
    """Takes as long as a worker would, and needs nothing."""

    def __init__(self, context: RunContext) -> None:
        self._seconds, chunks = (float(part) for part in context.job.name.split("x"))
        self._plan = plan_of(int(chunks))

    def warm(self, stage: Stage) -> None:
        """Nothing to load."""

    def perform(self, task: Task) -> Receipt | Failure:
        began = time.monotonic()
        if task.stage is Stage.INPAINT:
            time.sleep(self._seconds)
        plan = self._plan if task.stage is Stage.PROBE else None
        final = "restored" if task.stage is Stage.STITCH else None
        return Receipt(task.id, frames=_FRAMES, seconds=time.monotonic() - began, plan=plan, final=final)


def plan_of(chunks: int) -> ItemPlan:
    """A video of `chunks` chunks whose flow is there already."""
    frames = _FRAMES * chunks
    blocks = [Block(s, s + _FRAMES, s, s + _FRAMES, s, s + _FRAMES, 0, frames) for s in range(0, frames, _FRAMES)]
    return ItemPlan("probe", frames, 64, 48, (), tuple(Chunk(n, (block,), ()) for n, block in enumerate(blocks)))


@dataclass
class Watch:
    """Listens to the run: what was done between the moment when all workers had work and that when it ran out."""

    workers: int
    chunks: int
    state: RunState | None = None
    began: float = 0.0
    ended: float = 0.0
    done: int = 0
    in_window: int = 0
    worked_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: list[float] = field(default_factory=list)

    def hear(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if not (isinstance(answer, Receipt) and answer.task_id.startswith(Stage.INPAINT)):
            return
        self.done += 1
        now = time.monotonic()
        if not self.began:
            if (
                self.state
                and sum(task.stage is Stage.INPAINT for task in self.state.in_work.values()) >= self.workers - 1
            ):
                self.began, self.cpu_s = now, time.process_time()
            return
        if self.ended:
            return
        self.in_window += 1
        self.worked_s += answer.seconds
        if self.in_window % 1000 == 0:
            self.memory_mb.append(rss_mb())
            print(
                f"{self.done} {self.in_window / (now - self.began):.0f}/s busy {self.worked_s / (now - self.began) / self.workers:.3f} {self.memory_mb[-1]:.0f} MB",
                file=sys.stderr,
                flush=True,
            )
        if self.chunks - self.done < 2 * self.workers:
            self.ended, self.cpu_s = now, time.process_time() - self.cpu_s


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--chunks-per-item", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        per = args.chunks_per_item
        items = [Item(str(n), Path(f"{n}.mp4"), None, Path(folder) / f"{n}.mp4") for n in range(args.chunks // per)]
        watch = Watch(args.workers, len(items) * per)
        state = watch.state = RunState(items, attempts=3, active_items=0, on_change=watch.hear)
        job = JobConfig(name=f"{args.seconds}x{per}", out=folder, run=RunConfig(workers=args.workers))
        RayExecutor(RunContext("benchmark", job), SleepingWorker).run(state)
    seconds = watch.ended - watch.began
    print(
        f"window {seconds:.1f} s, {watch.in_window / seconds:.0f} chunks/s, busy {watch.worked_s / seconds / args.workers:.3f}, "
        f"cpu a chunk {watch.cpu_s / watch.in_window * 1e3:.2f} ms, memory {watch.memory_mb[0]:.0f} -> {watch.memory_mb[-1]:.0f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
