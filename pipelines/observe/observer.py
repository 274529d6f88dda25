"""Protocol of what follows a run: ledger, flow cache, metrics, timeline, display.

The run's state machine knows this and nothing of who listens. All is said in the executor's thread, in the order in
which it happens; an observer that raises stops the run.
"""

from collections.abc import Callable
from typing import Protocol

from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import Failure, Receipt, Task


class RunObserver(Protocol):
    """Is notified of what happens in a run. A class that inherits it defines what it wants to hear of."""

    def before_change(self) -> None:
        """A task is about to be handed out, or to be answered: the run's queues are as they were until now."""
        return

    def handed_out(self, task: Task) -> Task:
        """A task is handed out. Return it as the worker is to get it."""
        return task

    def left(self, task_id: str) -> None:
        """Nobody waits for the task any more: it was answered or lost, or the run was halted."""
        return

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        """A task in progress was answered. `again`: it will be tried once more."""
        return

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        """A row of the ledger changed, because of `answer` or because its item was started or given up.

        The last change of a row is the one in which its item ends.
        """
        return


class Observers(RunObserver):
    """Several as one, in this order; each gets the task that the one before returned."""

    def __init__(self, *observers: RunObserver) -> None:
        self._observers = observers

    def before_change(self) -> None:
        for observer in self._observers:
            observer.before_change()

    def handed_out(self, task: Task) -> Task:
        for observer in self._observers:
            task = observer.handed_out(task)
        return task

    def left(self, task_id: str) -> None:
        for observer in self._observers:
            observer.left(task_id)

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        for observer in self._observers:
            observer.answered(task, answer, again=again)

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        for observer in self._observers:
            observer.change(row, answer)


class OnChange(RunObserver):
    """Calls a function after each change of a row."""

    def __init__(self, call: Callable[[ItemRow, Receipt | Failure | None], object]) -> None:
        self._call = call

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self._call(row, answer)


NOBODY = Observers()
"""A run that nobody follows."""
