"""SIGTERM: tasks in progress get some time to finish; a second signal stops at once.

Clouds announce that they take a machine back with SIGTERM, and Kubernetes that it ends a pod: a chunk that is nearly
done is worth finishing, and none is worth beginning. Ctrl-C is a person, who wants to see it stop.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody has asked the run to stop."""

    made = False


@contextmanager
def stop_requests(grace_s: float) -> Iterator[StopRequest]:
    """Let the first SIGTERM be a request, which the executor looks at between tasks.

    The second one, and the end of the grace period after the first, raise KeyboardInterrupt, as Ctrl-C always does.
    Windows has no timer for it: there the second signal alone stops at once.
    Outside the main thread signals are somebody else's business, and none is ever made.
    """
    request, timed = StopRequest(), hasattr(signal, "setitimer")

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def ask(number: int, frame: FrameType | None) -> None:
        if request.made or grace_s <= 0:
            raise KeyboardInterrupt
        request.made = True
        if timed:
            signal.setitimer(signal.ITIMER_REAL, grace_s)

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, ask)}
    if timed:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield request
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
