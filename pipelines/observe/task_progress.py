"""Signs of work of the tasks in progress: how far each is, and for how long it has stood still."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.tasks import Failure, FlowTask, InpaintTask, Receipt, Stage, StitchTask, Task

OVERSTAY_S = 30.0
"""A task without a sign of work for so long is said to stand still, and a small machine works on others meanwhile."""
_CPU_SHARE = 0.02
"""Of a core, from which a process counts as computing."""
_START_S = 60.0
"""A process that has said nothing yet may still be starting: on a busy machine that takes its time."""
_TIMES = 20.0
"""What takes so many times as long as the slowest task of its stage so far, frame for frame, hangs."""


@dataclass(frozen=True)
class Beat:
    """What a worker says of its task every few seconds."""

    task_id: str
    signs: int
    """How often something was done, ever."""
    frames: float
    """Frames of the task that are done."""
    cpu_s: float
    """That the process has used, ever."""


@dataclass
class _Seen:
    task: Task
    last: Beat | None = None
    new: Beat | None = None
    moved_s: float | None = None
    """When a sign was seen last, or the task first."""
    computed_s: float = 0.0
    """When the process was seen computing last, or giving a sign."""
    looked_s: float = 0.0


@dataclass(frozen=True)
class Standing:
    """A task in progress, as of the last look."""

    task: Task
    frames: float
    still_s: float
    """For so long there was no sign of work."""
    frozen_s: float
    """For so long there was none, and the process did not compute either."""


@dataclass
class Signs(RunObserver):
    """Of one run. Written by the executor's thread, read by any."""

    _tasks: dict[str, _Seen] = field(default_factory=dict)
    _slowest: dict[Stage, float] = field(default_factory=dict)

    def handed_out(self, task: Task) -> Task:
        self._tasks[task.id] = _Seen(task)
        return task

    def left(self, task_id: str) -> None:
        self._tasks.pop(task_id, None)

    def tell(self, beat: Beat) -> None:
        """A worker has said how far it is."""
        if seen := self._tasks.get(beat.task_id):
            seen.new = beat

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        """Remember how long tasks of this stage take a frame."""
        if not isinstance(answer, Failure) and answer.frames and not answer.reused:
            took = answer.seconds / answer.frames
            self._slowest[task.stage] = max(took, self._slowest.get(task.stage, 0.0))

    def look(self, now_s: float) -> None:
        """Compare what was told since the last look with what was known; `now_s` is any steady clock."""
        for seen in [*self._tasks.values()]:
            if seen.moved_s is None:
                seen.moved_s = seen.computed_s = seen.looked_s = now_s
            if seen.new is None:
                continue
            last, seen.last, seen.new = seen.last, seen.new, None
            moved = last is None or (last.signs, last.frames) != (seen.last.signs, seen.last.frames)
            spent_s = seen.last.cpu_s - last.cpu_s if last else 0.0
            if moved:
                seen.moved_s = now_s
            if moved or spent_s > _CPU_SHARE * (now_s - seen.looked_s):
                seen.computed_s = now_s
            seen.looked_s = now_s

    def standing(self, now_s: float) -> list[Standing]:
        """Return how every task in progress stands."""
        return [
            Standing(
                seen.task,
                seen.last.frames if seen.last else 0.0,
                now_s - seen.moved_s,
                now_s - seen.computed_s,
            )
            for seen in [*self._tasks.values()]
            if seen.moved_s is not None
        ]

    def frames_of(self, item_id: str, stages: Collection[Stage]) -> float:
        """Return the frames that are done in the item's tasks in progress of these stages."""
        found = [seen for seen in [*self._tasks.values()] if seen.task.item.id == item_id and seen.task.stage in stages]
        return sum(seen.last.frames for seen in found if seen.last)

    def share_of(self, item_id: str) -> float:
        """Return how many of the item's tasks the tasks in progress come to, each by the share of its frames."""
        total = 0.0
        for seen in [*self._tasks.values()]:
            match seen.task:
                case InpaintTask(chunk=chunk):
                    frames = chunk.frames
                case StitchTask(plan=plan):
                    frames = plan.frames
                case _:
                    continue
            if seen.task.item.id == item_id and seen.last and frames:
                total += min(1.0, seen.last.frames / frames)
        return total

    def _has_spoken(self, task: Task) -> bool:
        seen = self._tasks.get(task.id)
        return seen is not None and seen.last is not None

    def hanging(self, now_s: float, still_s: float) -> Iterable[tuple[Standing, float]]:
        """Yield the tasks that are taken to hang, and the seconds they were given.

        Those whose process has neither computed nor given a sign for `still_s`, and those that have computed for ten
        times as long without one: and for twenty times as long as such a task takes, where that is known.
        """
        for one in self.standing(now_s):
            usual_s = _TIMES * _grid_frames(one.task) * self._slowest.get(one.task.stage, 0.0)
            start_s = 0.0 if self._has_spoken(one.task) else _START_S
            if one.frozen_s > still_s + start_s:
                yield one, still_s + start_s
            elif one.still_s > max(10 * still_s, usual_s):
                yield one, max(10 * still_s, usual_s)


def _grid_frames(task: Task) -> int:
    """Return the frames of a chunk, the pairs of a segment, 0 for a task of the whole item."""
    match task:
        case InpaintTask(chunk=chunk):
            return chunk.frames
        case FlowTask(segment=segment):
            return segment.stop - segment.start
        case _:
            return 0
