"""Items, plans and answers to tell a run's story with."""

from dataclasses import dataclass, field
from pathlib import Path

from reelmend.pipelines.observe.observer import OnChange
from reelmend.pipelines.run.outage import Outage
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.tasks import RECEIPTS, Block, Chunk, Failure, Item, ItemPlan, Receipt, Segment, Stage, Task


def item(name: str) -> Item:
    return Item(id=name, video=Path(f"{name}.mp4"), mask=Path("mask.png"), output=Path(f"out/{name}.mp4"))


def plan(segments: int = 2, chunks: int = 2, flow_bytes: int = 0) -> ItemPlan:
    """A video of `chunks` chunks of ten frames; chunk n reads segments n-1 and n, where they exist."""
    reads = [tuple(s for s in (n - 1, n) if 0 <= s < segments) for n in range(chunks)]
    return ItemPlan(
        probe_key="probe",
        frames=10 * chunks,
        width=64,
        height=48,
        segments=tuple(Segment(s, 10 * s, 10 * s + 10) for s in range(segments)),
        chunks=tuple(Chunk(n, (Block(*(10 * n, 10 * n + 10) * 3, 0, 10 * chunks),), reads[n]) for n in range(chunks)),
        flow_bytes=flow_bytes,
    )


def receipt(task: Task, plan_: ItemPlan | None = None, **extra: object) -> Receipt:
    """What a worker that did the task would say."""
    planned = {"plan": plan_ or plan()} if task.stage is Stage.PROBE else {}
    return RECEIPTS[task.stage](task.id, **planned, **extra)  # type: ignore[arg-type]


def bad_data(task: Task) -> Failure:
    return Failure(task.id, "MediaError", "no frames", transient=False)


def bad_machine(task: Task, kind: str = "StoreError") -> Failure:
    return Failure(task.id, kind, "disk full", transient=True)


def take(state: RunState, stage: Stage) -> Task:
    task = state.take((stage,))
    assert task is not None
    return task


def lost(task: Task, kind: str) -> Failure:
    return Failure(task.id, kind, "it vanished", transient=True)


@dataclass
class Story:
    """A run under way, and what it told its listener."""

    state: RunState
    heard: list[tuple[str, ItemState, object]] = field(default_factory=list)

    def row(self, name: str) -> ItemRow:
        return self.state.rows[name]

    def finish(self) -> None:
        """Let every task that is left succeed."""
        while not self.state.over:
            task = self.state.take()
            assert task is not None
            self.state.handle(receipt(task))


def begin(
    *names: str, attempts: int = 3, active_items: int = 8, active_bytes: int = 0, outage: Outage | None = None
) -> Story:
    told: list[tuple[str, ItemState, object]] = []
    state = RunState(
        [item(name) for name in names],
        attempts=attempts,
        active_items=active_items,
        active_bytes=active_bytes,
        observer=OnChange(lambda row, answer: told.append((row.id, row.state, answer))),
        now=lambda: 100.0,
        outage=outage,
    )
    return Story(state, told)
