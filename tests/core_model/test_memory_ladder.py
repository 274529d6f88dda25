"""What is done when memory is insufficient: one table, which every place that steps down reads."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.core_model.device import memory_ladder
from reelmend.core_model.device.memory_ladder import (
    FEWER_PAIRS,
    FEWER_PROCESSES,
    FEWER_WINDOWS,
    GIVE_UP,
    HOST_MEMORY,
    LADDER,
    SMALLER_BLOCK,
    Picture,
    Rung,
    StepsTaken,
    amounts_below,
)

ROOT = Path(__file__).parents[2]
NAMES = {id(rung): name for name, rung in vars(memory_ladder).items() if isinstance(rung, Rung)}


def test_how_far_each_rung_goes_down() -> None:
    assert amounts_below(FEWER_WINDOWS, 8) == [4, 2, 1]
    assert amounts_below(FEWER_PAIRS, 7) == [3, 1]
    assert amounts_below(HOST_MEMORY, 1) == [0]
    assert amounts_below(SMALLER_BLOCK, 1920) == [1440, 1080, 810, 607, 455, 341, 320]
    assert amounts_below(SMALLER_BLOCK, 320) == []
    assert amounts_below(FEWER_PROCESSES, 3) == [2, 1]
    assert [rung.below(rung.least) for rung in LADDER] == [None] * len(LADDER)


def test_what_keeps_the_picture_is_tried_before_what_changes_it_and_that_before_giving_up() -> None:
    assert [rung.picture for rung in LADDER] == [
        *[Picture.ROUNDED] * 3,
        Picture.COARSER,
        Picture.NONE,
        Picture.SAME,  # of the machine's memory, not of a GPU's
    ]


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: NAMES[id(rung)])
def test_who_is_said_to_take_a_rung_reads_it(rung: Rung) -> None:
    for module in rung.taken_by.split(", "):
        assert NAMES[id(rung)] in (ROOT / module).read_text()


def test_steps_are_counted_by_rung() -> None:
    steps = StepsTaken()
    for rung in (FEWER_WINDOWS, GIVE_UP, FEWER_WINDOWS):
        steps.take(rung)
    assert (steps.total, steps.by_rung[FEWER_WINDOWS], steps.by_rung[FEWER_PAIRS]) == (3, 2, 0)


def test_who_reads_the_table_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import reelmend.core_model.device.memory_ladder"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_the_page_has_the_table() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_ladder.py"))
    for page in maker["TABLES"]:
        assert page.read_text() == maker["page"](page), "run: python docs/make_ladder.py"
