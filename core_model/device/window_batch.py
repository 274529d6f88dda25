"""Number of generator windows that a device computes at once.

A model that is measured, not guessed: what the first windows of a frame size took says what more of them will take.
What is free is asked again before every batch. If another process takes it in between, or a window with a larger hole
needs more than those before, an error says so and the batch is made smaller. That other process may leave again: after a
while the batch grows back, and each time this turns out wrong, it waits twice as long before the next attempt.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from reelmend.core_model.device.memory import HEADROOM, DeviceMemory
from reelmend.core_model.device.memory_ladder import FEWER_WINDOWS, STEPS

MOST_WINDOWS = 8
"""More at once brings nothing where one already fills the device."""
PATIENCE = 32
"""Full batches that fit, after one that did not, before twice as many windows are tried."""


class WindowBatch:
    """Knows, for one frame size, how many windows fit; learns it from those that ran and those that did not."""

    def __init__(self, memory: DeviceMemory | None, fixed: int = 0) -> None:
        """`fixed` windows if not 0, otherwise as many as `memory` takes; one where there is none to ask (a CPU)."""
        self._memory = memory
        self._took: dict[int, int] = {}
        self._learns = not fixed
        self._limit = fixed or MOST_WINDOWS
        self.most = self._limit
        """More than this did not fit lately, or brings nothing."""
        self._patience = PATIENCE
        self._fitted = 0
        """Full batches in a row since `most` last changed."""
        self._on_trial = False
        """`most` was raised, and has not yet fitted for as long as the number below it had to."""

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
        else:
            self._memory.start_peak()
            before = self._memory.used()
            yield
            self._took[windows] = max(self._took.get(windows, 0), self._memory.peak() - before)
        if windows >= self.most:
            self._full_batch_fitted()

    def did_not_fit(self, windows: int) -> None:
        """Try fewer, and this many only after a number of batches that fit: twice as many as before the last attempt."""
        STEPS.take(FEWER_WINDOWS)
        if self._on_trial:
            self._patience *= 2
        self._on_trial, self._fitted = False, 0
        self.most = FEWER_WINDOWS.below(windows) or FEWER_WINDOWS.least
        if self._memory is not None:
            self._memory.release()

    def _full_batch_fitted(self) -> None:
        self._fitted += 1
        if self._fitted < self._patience:
            return
        if self._on_trial:  # it holds: what is free has changed for good
            self._patience = PATIENCE
        grown = min(2 * self.most, self._limit)
        self._on_trial, self._fitted, self.most = grown > self.most, 0, grown

    def _predicted(self, windows: int) -> float:
        """Bytes on the line through the smallest and largest number measured; through 0 as long as there is one."""
        least, most = min(self._took), max(self._took)
        slope = (self._took[most] - self._took[least]) / (most - least) if most > least else self._took[most] / most
        return self._took[most] + slope * (windows - most)
