"""Which segments go when the flow cache is full: decided from a survey, without a store."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.flow_cache.eviction import Limits, choose
from reelmend.pipelines.storage.flow_cache.keys import key_named, segment_key, segment_name
from reelmend.pipelines.storage.flow_cache.records import SILENT_S, Record, as_names, padded
from reelmend.pipelines.storage.flow_cache.stats import figures
from reelmend.pipelines.storage.flow_cache.survey import Survey
from reelmend.pipelines.tasks import Segment
from reelmend.pipelines.utils.units import bytes_of, seconds_of

NOW_S = 1_000_000.0
NOTHING = as_names(())


def name(number: int) -> bytes:
    """A name with a zero at its end, which numpy would take for padding."""
    return bytes([number + 1]) + bytes(15)


def seen(made_s: Sequence[float], *records: Record, sizes: Sequence[int] | None = None) -> Survey:
    """A survey of segments 0, 1, 2, ..."""
    names = as_names(name(n) for n in range(len(made_s)))
    bytes_each = np.array([10] * len(made_s) if sizes is None else sizes, np.int64)
    return Survey(NOW_S, names, bytes_each, np.array(made_s, float), tuple(sorted(records, key=lambda r: r.written_s)))


def used(at_s: float, *numbers: int, flow: str = "dis") -> Record:
    return Record("flow_used/run-0", at_s, flow, as_names(map(name, numbers)))


def run(at_s: float, *numbers: int) -> Record:
    return Record("flow_runs/run", at_s, "dis", as_names(map(name, numbers)))


def goes(survey: Survey, needed: NDArray[Any] = NOTHING, **limits: int) -> list[int]:
    going: list[int] = choose(survey, needed, Limits(**limits)).tolist()
    return going


def test_the_least_recently_used_go_first_and_no_more_than_must() -> None:
    survey = seen([30, 10, 20, 40])
    assert goes(survey, max_bytes=40) == []
    assert goes(survey, max_bytes=39) == [1]
    assert goes(survey, max_bytes=20) == [1, 2]
    assert goes(survey, max_bytes=0) == [1, 2, 0, 3]


def test_what_was_read_stays_longer_than_what_was_only_written() -> None:
    assert goes(seen([10, 20, 30], used(50, 0)), max_bytes=20) == [1]
    assert goes(seen([10, 20, 30], used(5, 0)), max_bytes=20) == [0]


def test_what_is_needed_stays_and_the_next_in_line_goes() -> None:
    survey = seen([10, 20, 30])
    assert goes(survey, as_names([name(0)]), max_bytes=10) == [1, 2]
    assert goes(survey, as_names([name(0), name(2)]), max_bytes=0) == [1]
    assert goes(survey, as_names(map(name, range(9))), max_bytes=0, unused_s=0) == []


def test_a_run_that_was_silent_needs_nothing_but_has_used_it() -> None:
    alive, dead = seen([10, 20], run(NOW_S - 5, 0)), seen([10, 20], run(NOW_S - SILENT_S, 0))
    assert list(padded(alive.needed)) == [name(0)]
    assert len(dead.needed) == 0
    assert goes(dead, max_bytes=10) == [1]


def test_what_was_not_used_for_a_time_goes_whatever_its_size() -> None:
    survey = seen([NOW_S - 100, NOW_S - 50, NOW_S - 100], used(NOW_S - 10, 0))
    assert goes(survey, unused_s=30) == [2, 1]
    assert goes(survey, unused_s=60, max_bytes=10) == [2, 1]
    assert goes(survey, unused_s=60, max_bytes=30) == [2]


SEGMENTS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20), st.booleans()), max_size=30)


@settings(deadline=None)
@given(SEGMENTS, st.integers(0, 800))
def test_after_a_pass_the_budget_holds_or_all_that_is_left_is_needed(
    segments: list[tuple[int, int, bool]], max_bytes: int
) -> None:
    sizes, made_s, needed = zip(*segments, strict=True) if segments else ((), (), ())
    survey = seen(made_s, sizes=sizes)
    needed_at = {number for number, is_needed in enumerate(needed) if is_needed}
    going = goes(survey, as_names(name(n) for n in needed_at), max_bytes=max_bytes)
    stays = set(range(len(sizes))) - set(going)
    left = sum(sizes[n] for n in stays)
    assert not needed_at & set(going)
    assert left <= max_bytes or stays == needed_at
    assert not going or left + sizes[going[-1]] > max_bytes, "one less would have done"
    assert all(made_s[gone] <= made_s[kept] for gone in going for kept in stays - needed_at)


def test_figures_say_what_computed_the_flow_and_who_needs_it() -> None:
    survey = seen([10, 20, 30, 40], used(50, 0, 1, flow="raft"), run(NOW_S, 2), sizes=[2, 3, 3, 6])
    found = figures(survey, max_bytes=20)
    assert [(s.name, s.segments, s.bytes) for s in found.by_flow] == [("unknown", 1, 6), ("raft", 2, 5), ("dis", 1, 3)]
    assert [(s.name, s.segments) for s in found.live_runs] == [("run", 1)]
    assert (found.oldest_s, found.newest_s, found.least_used_s, found.share_of_budget) == (10, 40, 40, 0.7)
    assert figures(seen([]), max_bytes=0).oldest_s is None


def test_a_segment_is_told_by_the_last_part_of_its_key() -> None:
    key = segment_key("video", Segment(0, 0, 40), (640, 360), "dis")
    assert key_named(segment_name(key)) == key
    for other in ("flow/ab/notes.txt", "flow/ab", key + "00", key.replace("flow/", "flow/x/")):
        with pytest.raises(ValueError):
            segment_name(other)


def test_sizes_and_times_are_read_as_they_are_said() -> None:
    assert [bytes_of(text) for text in ("1000", "2kB", "1.5 TB", "500G")] == [1000, 2000, 1.5e12, 500e9]
    assert [seconds_of(text) for text in ("90s", "45min", "12h", "30d")] == [90, 2700, 43200, 2592000]
    for wrong in ("", "12XB", "-1", "1.2.3GB"):
        with pytest.raises(ConfigError, match="is not a valid size; use 500GB"):
            bytes_of(wrong)
    for wrong in ("", "30", "d", "1 week"):
        with pytest.raises(ConfigError, match="is not a valid duration; use 30d"):
            seconds_of(wrong)
