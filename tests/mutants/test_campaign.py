"""The faults of `make mutants` can still be planted, and a campaign tells caught ones from missed ones."""

from pathlib import Path

import pytest

from tests.mutants.fault import Fault
from tests.mutants.planting import ALL_FAULTS, ROOT, Outcome, complaint_about, sample, try_fault


def test_every_fault_still_fits_the_line_that_it_is_for() -> None:
    assert [complaint for fault in ALL_FAULTS if (complaint := complaint_about(fault, ROOT))] == []
    assert len(set(ALL_FAULTS)) == len(ALL_FAULTS) >= 50


def test_a_sample_is_the_same_each_time_and_holds_every_package() -> None:
    assert sample(1, 30) == sample(1, 30) != sample(2, 30)
    assert {fault.package for fault in sample(1, 9)} == {"core_model", "pipelines", "cluster"}
    assert set(sample(1, 0)) == set(ALL_FAULTS)


TEST = "from pipelines.half import half\n\n\ndef test_half():\n    assert half(4) == 2\n"


@pytest.mark.parametrize(
    ("new", "test", "outcome"),
    [
        ("number * 2", TEST, Outcome.CAUGHT),
        ("number - 2", TEST, Outcome.MISSED),
        ("number * 2", "import no_such_module\n", Outcome.BROKEN),
    ],
)
def test_a_fault_is_caught_missed_or_cannot_be_tried_and_the_source_is_as_before(
    tmp_path: Path, new: str, test: str, outcome: Outcome
) -> None:
    source, of_half = "def half(number):\n    return number / 2\n", tmp_path / "tests/test_half.py"
    for path, content in ((tmp_path / "pipelines/half.py", source), (of_half, test)):
        path.parent.mkdir()
        path.write_text(content)
    fault = Fault("", "pipelines/half.py", "number / 2", new, "test_half.py")
    assert try_fault(fault, tmp_path, 0).outcome is outcome
    assert (tmp_path / "pipelines/half.py").read_text() == source


@pytest.mark.parametrize(
    ("old", "new", "tests", "said"),
    [
        ("no such text", "x", "run", "0 times, not once"),
        ("return", "x", "run", "times, not once"),
        ("BREAKER_FAILURES = 10", "BREAKER_FAILURES = (", "run", "leaves no Python"),
        ("BREAKER_FAILURES = 10", "BREAKER_FAILURES = 11", "run_state/test_nothing.py", "no tests"),
    ],
)
def test_a_fault_that_has_rotted_is_named(old: str, new: str, tests: str, said: str) -> None:
    assert said in complaint_about(Fault("", "pipelines/run/state_machine.py", old, new, tests), ROOT)
