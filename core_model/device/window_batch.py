"""Number of generator windows that a device computes at once.

A model that is measured, not guessed: what the first windows of a frame size took says what more of them will take.
What is free is asked again before every batch. If another process takes it in between, or a window with a larger hole
needs more than those before, an error says so and the batch is made smaller.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from reelmend.core_model.device.memory import HEADROOM, DeviceMemory
from reelmend.core_model.device.memory_ladder import FEWER_WINDOWS, STEPS

MOST_WINDOWS = 8
"""More at once brings nothing where one already fills the device."""


class WindowBatch:
    """Knows, for one frame size, how many windows fit; learns it from those that ran and those that did not."""

    def __init__(self, memory: DeviceMemory | None, fixed: int = 0) -> None:
        """`fixed` windows if not 0, otherwise as many as `memory` takes; one where there is none to ask (a CPU)."""
        self._memory = memory
        self._took: dict[int, int] = {}
        self._learns = not fixed
        self.most = fixed or MOST_WINDOWS
        """More than this never fitted, or brings nothing."""

    @property
    def size(self) -> int:
        """How many windows to try at once, at least 1."""
        if not self._learns:
            return self.most
        if self._memory is None or not self._took:
            return 1
        room = self._memory.free() * HEADROOM
        fits = [n for n in range(1, self.most + 1) if self._predicted(n) <= room]
        return max(fits, default=1)

    @contextmanager
    def watch(self, windows: int) -> Iterator[None]:
        """Measure what this many windows take, inside the `with`."""
        if self._memory is None:
            yield
            return
        self._memory.start_peak()
        before = self._memory.used()
        yield
        self._took[windows] = max(self._took.get(windows, 0), self._memory.peak() - before)

    def did_not_fit(self, windows: int) -> None:
        """Never try this many again."""
        STEPS.take(FEWER_WINDOWS)
        self.most = FEWER_WINDOWS.below(windows) or FEWER_WINDOWS.least
        if self._memory is not None:
            self._memory.release()

    def _predicted(self, windows: int) -> float:
        """Bytes on the line through the smallest and largest number measured; through 0 as long as there is one."""
        least, most = min(self._took), max(self._took)
        slope = (self._took[most] - self._took[least]) / (most - least) if most > least else self._took[most] / most
        return self._took[most] + slope * (windows - most)
