"""Order of an item's ready tasks: the next of a worker's own sequence, or one far from those of others.

A worker that continues with the chunk behind its last one still holds half of what that chunk needs. So workers that
share an item each get a stretch of it for themselves, instead of every second chunk.
"""

from collections.abc import Collection, Iterator, Sequence


def choose(ready: Sequence[int], in_hand: Collection[int], after: int | None) -> int:
    """Return the position in `ready` of the task to take; `ready` must not be empty.

    `ready` and `in_hand` are the indices, on the item's grid, of tasks that wait and of tasks that workers do just
    now; `after` is the one that the asking worker did last, None when it did none of this item.
    """
    if after is not None and after + 1 in ready:
        return ready.index(after + 1)
    runs = list(_runs(ready))
    for run in runs:
        if ready[run.start] - 1 not in in_hand:
            return run.start
    # Each run is what a worker will continue with: the longest is halved, so that both are at its end at once.
    longest = max(runs, key=len)
    return longest[len(longest) // 2]


def _runs(ready: Sequence[int]) -> Iterator[range]:
    """The positions of stretches of `ready` in which each index is one more than the last."""
    start = 0
    for position in range(1, len(ready) + 1):
        if position == len(ready) or ready[position] != ready[position - 1] + 1:
            yield range(start, position)
            start = position
