"""Whatever happens in whatever order: does every item end once, is nothing lost and nothing done twice?"""

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, ProbeReceipt, Receipt, Task
from tests.run.story import bad_data, bad_machine, begin, plan, receipt

ATTEMPTS = 3
ACTIVE = 3


@settings(deadline=None, max_examples=75)
@given(data=st.data(), names=st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
def test_every_item_ends_exactly_once_whatever_the_order_of_answers(data: st.DataObject, names: list[str]) -> None:
    story = begin(*names, attempts=ATTEMPTS, active_items=ACTIVE)
    state = story.state
    in_hand: list[Task] = []
    answered: list[Receipt | Failure] = []
    tries: Counter[str] = Counter()
    while not state.over:
        task = state.take() if data.draw(st.booleans()) or not in_hand else None
        if task is not None:
            tries[task.id] += 1
            assert task not in in_hand
            in_hand.append(task)
        elif in_hand:
            task = in_hand.pop(data.draw(st.integers(0, len(in_hand) - 1)))
            make: Callable[[Task], Receipt | Failure] = data.draw(st.sampled_from(ANSWERS))
            answered.append(make(task))
            state.handle(answered[-1])
        if len(answered) > 0 and data.draw(st.booleans()):
            late = data.draw(st.sampled_from(answered))
            if late.task_id not in state.in_work:
                state.handle(late)
        assert sum(not row.state.ended and row.started_at > 0 for row in state.rows.values()) <= ACTIVE
    ends = Counter(name for name, row_state, _ in story.heard if row_state.ended)
    for name, row in state.rows.items():
        assert row.state.ended or (state.halted and row.state is ItemState.PENDING)
        assert ends[name] == row.state.ended
        most = max((tries[task] for task in tries if task.split(":")[1] == name), default=0)
        assert most <= row.attempts <= ATTEMPTS
        assert row.state is not ItemState.FAILED or row.attempts == ATTEMPTS or state.halted
        if row.state is ItemState.RESTORED:
            assert row.tasks_computed + row.tasks_reused == row.tasks_planned
            assert row.frames_done == row.frames


def _success(task: Task) -> Receipt:
    return receipt(task, plan(segments=2, chunks=3))


def _untouched(task: Task) -> Receipt:
    return ProbeReceipt(task.id, final="untouched") if task.stage == "probe" else _success(task)


ANSWERS: list[Callable[[Task], Receipt | Failure]] = [_success] * 3 + [bad_machine, bad_data, _untouched]
