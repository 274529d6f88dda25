"""Something done again and again beside the work, in its own thread, until the work is over."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(action: Callable[[], None], every_s: float, name: str) -> Iterator[None]:
    """Call `action` inside, every `every_s` seconds; on leaving, wait for a call that is under way.

    What `action` raises ends the repetition, not the work.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every_s):
            action()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
