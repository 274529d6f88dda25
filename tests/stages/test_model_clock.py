"""Is the time inside the model that of the model, without what it reads?"""

import threading
from contextlib import suppress

from reelmend.pipelines.stages.model_clock import ModelClock


class Hand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_the_model_reads_on_the_way_does_not_count() -> None:
    hand = Hand()
    clock = ModelClock(hand)
    with clock.running():
        hand.now += 1
        with clock.paused():
            hand.now += 10
            with clock.running():  # flow that was gone is measured again
                hand.now += 2
            hand.now += 10
        hand.now += 4
    hand.now += 100
    assert (clock.take(), clock.take()) == (7, 0)


def test_reading_before_the_model_runs_starts_nothing() -> None:
    hand = Hand()
    clock = ModelClock(hand)
    with clock.paused():
        hand.now += 1
    hand.now += 1
    assert clock.take() == 0


def test_a_model_that_fails_stops_the_clock() -> None:
    hand = Hand()
    clock = ModelClock(hand)
    with suppress(RuntimeError), clock.running():
        hand.now += 3
        raise RuntimeError("full")
    hand.now += 1
    assert clock.take() == 3


def test_what_another_thread_reads_meanwhile_does_not_stop_it() -> None:
    hand = Hand()
    clock = ModelClock(hand)

    def read_ahead() -> None:
        with clock.paused():
            hand.now += 5

    with clock.running():
        thread = threading.Thread(target=read_ahead)
        thread.start()
        thread.join()
    assert clock.take() == 5
