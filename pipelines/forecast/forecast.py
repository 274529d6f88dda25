"""Forecast for any number of items, in constant memory.

Frames and sizes that a manifest gives are trusted. Of the items that lack them, and of the masks, a sample is opened
that is drawn at random with a fixed seed; what it says is taken for all, and how sure that is is said with it.
"""

import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Generic, TypeVar

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.forecast.item_estimate import Looked, has_figures, look_at
from reelmend.pipelines.forecast.rates import ChosenRates
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.forecast.sums import Sums
from reelmend.pipelines.forecast.totals import conclude
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.tasks import Item

T = TypeVar("T")

_SEED = 0
_LOOKERS, _A_PROCESS = 8, 8
"""Files of buckets that are opened at once, at most, and for how many of them another process is worth its start."""


def forecast(
    items: Iterable[Item], job: JobConfig, rates: ChosenRates | None, *, looks: int, looker: Headers | None = None
) -> tuple[Forecast, list[Looked]]:
    """Return the totals, and what was opened: at most `looks` items with figures and as many without.

    They are opened by `looker`, which may know that a mount hangs. With `looks` 0 nothing is opened, and items without
    figures are only counted. Raises what `items` raises.
    """
    sums = Sums(job)
    with_figures, without = Sample[Item](looks), Sample[Item](looks)
    for item in items:
        if has_figures(item):
            with_figures.offer(item)
            sums.trust(item)
        else:
            without.offer(item)
    looked = _look([*with_figures.kept, *without.kept], job, looker or Headers(job))
    told, opened = looked[: len(with_figures.kept)], looked[len(with_figures.kept) :]
    for one in told:
        sums.see_mask(one)
        if one.problem:
            sums.trust(one.item, weight=-with_figures.weight)
    for one in opened:
        sums.see_mask(one)
        if not one.problem:
            sums.add(one, weight=without.weight)
    sums.see_sample([one for one in opened if not one.problem], of=without.offered, drawn=len(opened))
    lost = (with_figures, told), (without, opened)
    quarantined = sum(sample.weight * sum(bool(one.problem) for one in found) for sample, found in lost)
    counted = with_figures.offered + without.offered
    unknown = without.offered if not looks else 0
    return conclude(sums, rates, items=counted, looked_at=len(looked), unknown=unknown, quarantined=quarantined), looked


class Sample(Generic[T]):
    """A random choice of at most `size` of the things offered one after the other, all equally likely."""

    def __init__(self, size: int) -> None:
        self.kept: list[T] = []
        self.offered = 0
        self._size, self._random = size, random.Random(_SEED)

    def offer(self, thing: T) -> None:
        self.offered += 1
        if len(self.kept) < self._size:
            self.kept.append(thing)
        elif self._size and (place := self._random.randrange(self.offered)) < self._size:
            self.kept[place] = thing

    @property
    def weight(self) -> float:
        """How many of those offered each one that was kept stands for."""
        return self.offered / len(self.kept) if self.kept else 0.0


def _look(items: Sequence[Item], job: JobConfig, looker: Headers) -> list[Looked]:
    """Side by side: what is asked of a bucket takes its time each. Each of them takes a process to start."""
    settings = lru_cache(maxsize=64)(lambda overrides: apply_overrides(job, overrides))
    if not items:
        return []
    remote = any(isinstance(item.video, RemotePath) for item in items)
    lookers = min(_LOOKERS if remote else 1, -(-len(items) // _A_PROCESS))
    pool = ThreadPoolExecutor(lookers)
    try:
        return list(pool.map(lambda item: look_at(item, settings(item.overrides), looker), items))
    except BaseException:  # an interrupt must not wait for a look that hangs
        looker.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
