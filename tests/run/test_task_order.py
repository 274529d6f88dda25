"""Does a worker get the chunk behind its last one, and do workers that share an item stay out of each other's way?"""

import heapq

from hypothesis import given
from hypothesis import strategies as st

from reelmend.pipelines.run.task_order import choose


def chosen(ready: list[int], in_hand: set[int] = frozenset(), after: int | None = None) -> int:  # type: ignore[assignment]
    return ready[choose(ready, in_hand, after)]


def test_the_next_one_comes_before_everything() -> None:
    assert chosen([0, 1, 4, 5], in_hand={2}, after=3) == 4


def test_who_is_new_begins_where_nobody_comes_from_behind() -> None:
    assert chosen([3, 4, 5, 8, 9], in_hand={2}) == 8


def test_a_run_that_somebody_comes_into_is_halved() -> None:
    assert chosen([1, 2, 3, 4, 5, 6], in_hand={0}) == 4
    assert chosen([1], in_hand={0}) == 1


def test_what_failed_waits_behind_what_is_new() -> None:
    assert chosen([5, 6, 0], in_hand=set()) == 5


@given(
    count=st.integers(1, 300),
    workers=st.integers(1, 12),
    seconds=st.lists(st.floats(0.8, 1.25), min_size=12, max_size=12),
)
def test_few_chunks_are_begun_without_the_one_before(count: int, workers: int, seconds: list[float]) -> None:
    """Workers of unequal speed share an item: each loses what it knows a few times, not at every chunk."""
    ready = list(range(count))
    at: dict[int, int | None] = dict.fromkeys(range(workers))
    free_at = [(0.0, worker) for worker in range(workers)]
    in_hand: dict[int, int] = {}
    begun_anew = 0
    while ready:
        now, worker = heapq.heappop(free_at)
        in_hand.pop(worker, None)
        index = ready.pop(choose(ready, set(in_hand.values()), at[worker]))
        before = at[worker]
        begun_anew += before is None or index != before + 1
        at[worker] = in_hand[worker] = index
        heapq.heappush(free_at, (now + seconds[worker], worker))
    assert begun_anew <= workers * (1 + count.bit_length())
