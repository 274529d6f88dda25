"""While a store does not answer the run waits: nothing fails for it, and not for ever."""

import pytest

from reelmend.pipelines.errors import StoreAway, StoreError
from reelmend.pipelines.run.outage import Outage, patiently
from reelmend.pipelines.run.state_machine import BREAKER_FAILURES
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Stage
from tests.run.story import Story, begin, lost, receipt, take

MOST_S = 100.0


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class FakeStore:
    """Answers or does not, and counts how often it is asked."""

    away = False
    asked = 0

    def check(self, item: object) -> None:
        self.asked += 1
        if self.away:
            raise StoreAway("connection refused")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def story(clock: Clock, store: FakeStore) -> Story:
    names = [f"v{n}" for n in range(3 * BREAKER_FAILURES)]
    return begin(*names, attempts=2, active_items=99, outage=Outage(MOST_S, store.check, clock))


def find_it_away(story: Story, times: int) -> None:
    """So many probes in work come back without an answer of the store."""
    for probe in [take(story.state, Stage.PROBE) for _ in range(times)]:
        story.state.handle(lost(probe, "StoreAway"))


def test_no_item_fails_and_no_attempt_is_used_up_while_the_store_is_away(
    story: Story, store: FakeStore, clock: Clock
) -> None:
    store.away = True
    find_it_away(story, 2 * BREAKER_FAILURES)
    assert not story.state.halted
    assert story.state.take() is None
    assert store.asked == 1  # not once for each failure
    store.away, clock.seconds = False, 60.0
    story.finish()
    assert {row.state for row in story.state.rows.values()} == {ItemState.RESTORED}
    assert {row.attempts for row in story.state.rows.values()} == {1}


def test_the_store_is_asked_again_with_longer_and_longer_waits(story: Story, store: FakeStore, clock: Clock) -> None:
    store.away = True
    find_it_away(story, 1)
    asked_at = []
    while clock.seconds < MOST_S:
        before = store.asked
        story.state.take()
        asked_at += [clock.seconds] * (store.asked - before)
        clock.seconds += 0.5
    assert asked_at == [1.0, 3.0, 7.0, 15.0, 31.0, 61.0, 91.0]


@pytest.mark.parametrize(("seconds", "halts"), [(MOST_S - 0.5, False), (MOST_S, True)])
def test_the_run_waits_as_long_as_it_was_told_and_no_longer(
    story: Story, store: FakeStore, clock: Clock, seconds: float, halts: bool
) -> None:
    store.away = True
    find_it_away(story, 1)
    clock.seconds = seconds
    assert story.state.take() is None
    assert bool(story.state.halted) == halts
    if halts:
        assert story.state.halted == "the store did not answer for 1:40 min: connection refused"
        assert story.state.halted_kind == "StoreAway"


def test_one_object_that_the_store_does_not_give_is_its_item_s_failure(story: Story, store: FakeStore) -> None:
    """The store answers what else it is asked: no outage. And many such items do not stop the run."""
    while not story.state.over:
        task = story.state.take()
        assert task is not None
        bad = int(task.item.id[1:]) < 2 * BREAKER_FAILURES
        story.state.handle(lost(task, "StoreAway") if bad else receipt(task))
    states = [row.state for row in story.state.rows.values()]
    assert states.count(ItemState.FAILED) == 2 * BREAKER_FAILURES
    assert states.count(ItemState.RESTORED) == BREAKER_FAILURES
    assert not story.state.halted


def test_before_work_the_store_is_tried_again_and_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmend.pipelines.run.outage._FIRST_WAIT_S", 0.01)
    answers = iter([StoreAway("no"), StoreAway("no"), 7])

    def ask() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask, 5.0) == 7
    answers = iter([StoreAway("first"), StoreAway("last")])
    with pytest.raises(StoreAway, match="last"):
        patiently(ask, 0.005)
    answers = iter([StoreError("disk full")])
    with pytest.raises(StoreError, match="disk full"):  # no outage: no use in waiting
        patiently(ask, 5.0)
