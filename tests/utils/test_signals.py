"""Is the first SIGTERM a request, and the second one an end?"""

import os
import signal
import threading

import pytest

from reelmend.pipelines.utils.signals import stop_requests


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_first_signal_asks_and_the_second_stops() -> None:
    with stop_requests(60) as stop:
        assert not stop.made
        sigterm()
        assert stop.made
        with pytest.raises(KeyboardInterrupt):
            sigterm()


def test_the_end_of_the_grace_stops() -> None:
    with stop_requests(0.05) as stop:
        sigterm()
        assert stop.made
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(60)


def test_without_a_grace_the_first_signal_stops() -> None:
    with stop_requests(0), pytest.raises(KeyboardInterrupt):
        sigterm()


def test_afterwards_signals_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    with stop_requests(60):
        sigterm()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_beside_the_main_thread_nobody_asks() -> None:
    made: list[bool] = []

    def run() -> None:
        with stop_requests(60) as stop:
            made.append(stop.made)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert made == [False]
