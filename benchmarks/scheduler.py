"""Utilization of workers: simulated work on a real Ray, with actors that sleep as long as a chunk takes.

    python -m benchmarks.scheduler                              # 64 actors, 200 000 chunks of 0.2 s
    python -m benchmarks.scheduler --chunks 6400 --seconds 4
    python -m benchmarks.scheduler --decisions                  # without Ray: what is decided, in simulated time

Measured from the moment when every actor has a chunk until they run out: chunks a second, the share of the time in
which actors work, the driver's processor time a chunk, its memory after a tenth of the chunks and at the end. Exits 1
when a gate is missed.
"""

import argparse
import heapq
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from reelmend.cluster.executor import RayExecutor
from reelmend.cluster.resources import Node, lay_out
from reelmend.cluster.scheduler import Patience, Scheduler
from reelmend.cluster.scheduler_messages import Answered, Event, Placed, Ready, Run, Start
from reelmend.pipelines.config import JobConfig, RunConfig
from reelmend.pipelines.observe.observer import OnChange
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import (
    RECEIPTS,
    Block,
    Chunk,
    Failure,
    Item,
    ItemPlan,
    ProbeReceipt,
    ProbeTask,
    Receipt,
    Stage,
    Task,
)

CHUNKS_AN_ITEM = 100
LEAST_BUSY = 0.95
LEAST_CHUNKS_A_SECOND = 300.0
MOST_GROWTH_MB = 20.0
_FRAMES = 20  # of a chunk
_SAMPLES = 20


class SleepingWorker:
    """Takes as long as the job's name says, and needs nothing."""

    def __init__(self, context: RunContext) -> None:
        self.chunk_seconds = float(context.job.name)

    def warm(self, stage: Stage) -> None:
        """Nothing to load."""

    def perform(self, task: Task) -> Receipt | Failure:
        began = time.monotonic()
        if task.stage is Stage.INPAINT:
            time.sleep(self.chunk_seconds)
        return _receipt(task, time.monotonic() - began)


def _receipt(task: Task, seconds: float) -> Receipt:
    if isinstance(task, ProbeTask):
        return ProbeReceipt(task.id, frames=_FRAMES, seconds=seconds, plan=_plan())
    return RECEIPTS[task.stage](task.id, frames=_FRAMES, seconds=seconds)


def _plan() -> ItemPlan:
    """A video whose flow is there already."""
    frames = _FRAMES * CHUNKS_AN_ITEM
    blocks = [Block(s, s + _FRAMES, s, s + _FRAMES, s, s + _FRAMES, 0, frames) for s in range(0, frames, _FRAMES)]
    return ItemPlan("probe", frames, 64, 48, (), tuple(Chunk(n, (block,), ()) for n, block in enumerate(blocks)))


@dataclass
class Stretch:
    """What was done while every actor had a chunk to go on with."""

    workers: int
    chunks: int
    """Of the whole run."""
    now: Callable[[], float] = time.monotonic
    state: RunState | None = None
    done: int = 0
    counted: int = 0
    worked_s: float = 0.0
    began_s: float = 0.0
    ended_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: list[float] = field(default_factory=list)

    def hear(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if not (isinstance(answer, Receipt) and answer.task_id.startswith(Stage.INPAINT)):
            return
        self.done += 1
        if self.done % (self.chunks // _SAMPLES) == 0:
            self.memory_mb.append(_memory_mb())
            print(f"{self.done} chunks, {self.memory_mb[-1]:.0f} MB", file=sys.stderr, flush=True)
        if self.ended_s:
            return
        if not self.began_s:
            self._begin()
            return
        self.counted += 1
        self.worked_s += answer.seconds
        if self.chunks - self.done < 2 * self.workers:
            self.ended_s, self.cpu_s = self.now(), time.process_time() - self.cpu_s

    def _begin(self) -> None:
        """Every actor but the one that has just answered has a chunk."""
        assert self.state is not None
        if sum(task.stage is Stage.INPAINT for task in self.state.in_work.values()) >= self.workers - 1:
            self.began_s, self.cpu_s = self.now(), time.process_time()

    @property
    def seconds(self) -> float:
        return self.ended_s - self.began_s

    @property
    def busy(self) -> float:
        return self.worked_s / (self.seconds * self.workers)

    @property
    def chunks_a_second(self) -> float:
        return self.counted / self.seconds

    @property
    def growth_mb(self) -> float:
        """From the end of the first tenth, when everything is loaded, to the end."""
        return self.memory_mb[-1] - self.memory_mb[_SAMPLES // 10 - 1]


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _begin(stretch: Stretch, folder: str) -> RunState:
    names = [f"{number}.mp4" for number in range(stretch.chunks // CHUNKS_AN_ITEM)]
    items = [Item(name, Path(name), None, Path(folder) / name) for name in names]
    stretch.state = RunState(items, attempts=3, active_items=0, observer=OnChange(stretch.hear))
    return stretch.state


def _run(workers: int, chunks: int, seconds: float) -> Stretch:
    """Through Ray, on this machine."""
    stretch = Stretch(workers, chunks // CHUNKS_AN_ITEM * CHUNKS_AN_ITEM)
    with tempfile.TemporaryDirectory() as folder:
        state = _begin(stretch, folder)
        job = JobConfig(name=str(seconds), out=folder, run=RunConfig(workers=workers))
        RayExecutor(RunContext("benchmark", job), SleepingWorker).run(state)
    if state.halted:
        sys.exit(f"the run was halted: {state.halted}")
    return stretch


def _decide(workers: int, chunks: int, seconds: float) -> Stretch:
    """The same in simulated time, with workers that answer at once: what the decisions alone cost."""
    now_s = 0.0
    stretch = Stretch(workers, chunks // CHUNKS_AN_ITEM * CHUNKS_AN_ITEM, now=lambda: now_s)
    state = _begin(stretch, "out")
    layout = lay_out([Node(cpus=2, memory=2**34)], workers)
    state.expect_workers(layout.workers)
    scheduler = Scheduler(state, layout, Patience())
    coming: list[tuple[float, int, Event]] = []
    numbers = count()

    def expect(after_s: float, event: Event) -> None:
        heapq.heappush(coming, (now_s + after_s, next(numbers), event))

    while not state.over:
        for step in scheduler.decide(now_s):
            match step:
                case Start(worker, _):
                    expect(0.001, Placed(worker))
                    expect(0.002, Ready(worker))
                case Run(task, _):
                    takes_s = seconds if task.stage is Stage.INPAINT else 0.001
                    expect(takes_s, Answered(_receipt(task, takes_s)))
        now_s, _, event = heapq.heappop(coming)
        scheduler.handle(event)
    return stretch


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=0.2, help="that a chunk takes")
    parser.add_argument("--decisions", action="store_true", help="without Ray, in simulated time")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    done = (_decide if args.decisions else _run)(args.workers, args.chunks, args.seconds)
    best = args.workers / args.seconds
    print(f"{os.cpu_count()} cores, load {load:.1f} before; {args.workers} actors, chunks of {args.seconds:g} s")
    print("| chunks | seconds | chunks/s (best) | busy | driver's ms a chunk | driver, MB | growth, MB |")
    print("|---|---|---|---|---|---|---|")
    rate, cpu_ms = f"{done.chunks_a_second:.0f} ({best:.0f})", done.cpu_s / done.counted * 1e3
    memory = f"{done.memory_mb[-1]:.0f} | {done.growth_mb:.1f}"
    print(f"| {done.counted} | {done.seconds:.0f} | {rate} | {done.busy:.1%} | {cpu_ms:.2f} | {memory} |")
    fast = done.chunks_a_second >= min(LEAST_CHUNKS_A_SECOND, LEAST_BUSY * best)
    return 0 if fast and done.busy >= LEAST_BUSY and done.growth_mb <= MOST_GROWTH_MB else 1


if __name__ == "__main__":
    sys.exit(main())
