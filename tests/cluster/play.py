"""A scheduler to tell what happens and to ask what it wants done, without any process."""

from pathlib import Path
from typing import Any

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler import Patience, Scheduler
from reelmend.cluster.scheduler_messages import Answered, Instruction, Placed, Ready, Run, Start, Stop
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.tasks import RECEIPTS, Stage
from tests.cluster.toy_worker import toy_item, toy_plan

RESTORE = Pool("restore", (Stage.INPAINT, Stage.FLOW), size=2, cpus=0.9, threads=1)
LAPTOP = Layout(pools=(RESTORE,), task_slots=1, task_cpus=0.1, busy_limit=2)


PATIENCE = Patience(unplaceable_s=45, crowded_s=60, idle_s=30)


class Play:
    """A scheduler, and workers that do what the test says."""

    def __init__(
        self, *names: str, layout: Layout = LAPTOP, attempts: int = 3, chunks: int = 1, patience: Patience = PATIENCE
    ) -> None:
        """Items of `chunks` chunks each, two segments of flow a chunk."""
        self.plan = toy_plan(chunks)
        items = [toy_item(name, Path("out")) for name in names]
        self.state = RunState(items, attempts=attempts, active_items=4)
        self.scheduler = Scheduler(self.state, layout, patience)

    def decide(self, now_s: float = 0.0) -> list[Instruction]:
        return self.scheduler.decide(now_s)

    def starts(self) -> list[str]:
        return [step.worker for step in self.decide() if isinstance(step, Start)]

    def stops(self) -> list[str]:
        return [step.worker for step in self.decide() if isinstance(step, Stop)]

    def runs(self) -> dict[str, str | None]:
        return {step.task.id: step.worker for step in self.decide() if isinstance(step, Run)}

    def done(self, *task_ids: str) -> None:
        for task_id in task_ids:
            stage = Stage(task_id.split(":")[0])
            planned: dict[str, Any] = {"plan": self.plan} if stage is Stage.PROBE else {}
            self.scheduler.handle(Answered(RECEIPTS[stage](task_id, **planned)))

    def probed(self) -> "Play":
        """All probes done, one after the other."""
        while runs := [task for task in self.runs() if task.startswith("probe")]:
            self.done(*runs)
        return self

    def warm(self, *workers: str) -> None:
        for worker in workers:
            self.scheduler.handle(Placed(worker))
            self.scheduler.handle(Ready(worker))
