"""Ranges of profilers: which steps have one, and that none costs anything while nobody profiles."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.networks.correlation import CorrelationPyramid
from reelmend.core_model.propainter.restorer import Restorer
from reelmend.core_model.ranges import RANGED, named_range, ranges_shown
from tests.released import shared_networks
from tests.standin.shots import OPTIONS, clip


class Counter:
    @named_range(lambda _, to: f"count to {to}")
    def count(self, to: int) -> int:
        return sum(1 for _ in range(to)) if to < 3 else self.fail()

    @named_range("fail")
    def fail(self) -> int:
        raise ValueError("too far")


class Heard:
    """Ranges as they were opened and closed."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @contextmanager
    def way(self, name: str) -> Iterator[None]:
        self.events.append(name)
        try:
            yield
        finally:
            self.events.append(f"end of {name}")


def test_while_nobody_profiles_a_named_method_is_the_method_itself() -> None:
    """No wrapper around it: its code is not of this module."""
    assert [method for method in RANGED if method.body.__code__.co_filename.endswith("core_model/ranges.py")] == []
    assert Counter.count.__code__.co_filename == __file__


def beginning() -> tuple[U8, Bool]:
    """Four frames, and the holes in them."""
    frames, masks = clip()
    return frames[:4], masks[:4]


class Plain(NamedTuple):
    """A restoration without a profiler."""

    restored: U8
    files: set[str]
    """Of which a function was called."""


@pytest.fixture(scope="module")
def plain() -> Plain:
    called: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        called.add(frame.f_code.co_filename)

    restorer, before = Restorer(*shared_networks(), OPTIONS), sys.gettrace()
    sys.settrace(note)
    try:
        return Plain(restorer(*beginning()), called)
    finally:
        sys.settrace(before)


def test_while_nobody_profiles_no_line_of_the_ranges_runs_in_a_restoration(plain: Plain) -> None:
    assert any(name.endswith("core_model/networks/raft.py") for name in plain.files), "the networks have run"
    assert not [name for name in plain.files if name.endswith("core_model/ranges.py")]


def test_ranges_are_nested_and_closed_after_an_error_and_the_methods_are_put_back() -> None:
    heard, own = Heard(), Counter.count
    with ranges_shown(heard.way):
        assert Counter().count(2) == 2
        with pytest.raises(ValueError, match="too far"):
            Counter().count(3)
    assert heard.events == [
        *("count to 2", "end of count to 2"),
        *("count to 3", "fail", "end of fail", "end of count to 3"),
    ]
    assert Counter.count is own


def test_a_restoration_has_ranges_of_its_steps_networks_and_windows_and_the_picture_is_the_same(plain: Plain) -> None:
    heard, restorer = Heard(), Restorer(*shared_networks(), OPTIONS)
    with ranges_shown(heard.way):
        shown = restorer(*beginning())
    names = [event for event in heard.events if not event.startswith("end of ")]
    assert {
        *("flow of a group of pairs", "raft", "raft: encode", "raft: iterations", "raft: look up", "raft: update"),
        *("complete flow 0-2", "flow completion", "flow completion: step", "propagate frames 0-3"),
        *("frame 0", "generator: encode", "generator: split", "windows of frames 0-2"),
        *("generator: compose", "generator: propagate features", "generator: transformer", "generator: attention"),
        *("generator: decode", "raft: upsample"),
    } <= set(names)
    assert names.count("raft: update") == OPTIONS.raft_iterations * 3, "a CPU takes the 3 pairs one by one"
    assert names.count("frame 0") == 1
    assert np.array_equal(shown, plain.restored)


def test_in_a_trace_of_torch_operators_are_below_the_range_that_they_are_called_in() -> None:
    pyramid = CorrelationPyramid.both_ways(torch.ones(1, 4, 16, 16), torch.ones(1, 4, 16, 16))
    with profile(activities=[ProfilerActivity.CPU]) as profiler, ranges_shown(record_function):
        pyramid.look_up(torch.zeros(2, 2, 16, 16))
    (found,) = [event for event in profiler.events() if event.name == "raft: look up"]
    assert [child.name for child in found.cpu_children].count("aten::grid_sampler") == 4, "one for each level"


def test_nvtx_ranges_are_opened_through_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[str] = []
    monkeypatch.setattr(torch.cuda.nvtx, "range_push", pushed.append)
    monkeypatch.setattr(torch.cuda.nvtx, "range_pop", lambda: pushed.append("pop"))
    with ranges_shown(torch.cuda.nvtx.range, record_function):
        Counter().count(1)
    assert pushed == ["count to 1", "pop"]
