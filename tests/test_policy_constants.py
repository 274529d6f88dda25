"""Numbers that decide something say what they are, and stand in the relation to each other that their texts claim."""

import ast
from pathlib import Path

import pytest

from reelmend.cluster import beats, scheduler
from reelmend.pipelines.observe import task_progress
from reelmend.pipelines.run import ledger_recorder, state_machine
from reelmend.pipelines.storage import files
from reelmend.pipelines.storage.flow_cache import journal, records
from reelmend.pipelines.storage.leases import lease

ROOT = Path(__file__).parents[1]
ROOMS = ("pipelines/run", "pipelines/stages", "pipelines/storage", "cluster")


def unexplained(source: str) -> list[str]:
    """Return the numbers at the top level of a module that no comment and no text behind them is about."""
    lines, body = source.splitlines(), ast.parse(source).body
    found = []
    for place, statement in enumerate(body):
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or not _is_number(statement.value):
            continue
        behind = body[place + 1] if place + 1 < len(body) else None
        said = isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)
        line, above = lines[statement.lineno - 1], lines[statement.lineno - 2] if statement.lineno > 1 else ""
        if not (said or "#" in line or above.startswith("#")):
            found.append(line)
    return found


def _is_number(value: ast.expr | None) -> bool:
    match value:
        case ast.Constant(value=int() | float()) if not isinstance(value.value, bool):
            return True
        case ast.UnaryOp(operand=inner):
            return _is_number(inner)
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
        case ast.Tuple(elts=parts):
            return bool(parts) and all(map(_is_number, parts))
    return False


@pytest.mark.parametrize("room", ROOMS)
def test_every_number_at_the_top_of_a_module_is_explained(room: str) -> None:
    missing = {str(path.relative_to(ROOT)): unexplained(path.read_text()) for path in (ROOT / room).rglob("*.py")}
    assert {path: lines for path, lines in missing.items() if lines} == {}


def test_a_number_without_a_word_would_be_found() -> None:
    source = '_A = 3\n_B = 2 * 2**30\n"""Bytes."""\n# Seconds.\n_C = 1.0\n_D = (1, 2)  # pixels\n_NAMES = ("a", "b")\n'
    assert unexplained(source) == ["_A = 3"]


def test_who_is_taken_for_dead_has_missed_several_signs_of_life() -> None:
    """Also where one of them hangs in a store for as long as it may, as often as it may."""
    assert 5 * lease.BEAT_S <= lease.SILENT_S
    assert 5 * journal.BEAT_S <= records.SILENT_S
    assert files._HASTY_S * files._HASTY_ATTEMPTS + 2 * lease.BEAT_S <= lease.SILENT_S


def test_a_task_is_said_to_stand_still_only_after_many_beats_of_its_worker() -> None:
    assert 10 * beats.BEAT_S <= task_progress.OVERSTAY_S


def test_a_reader_hears_of_progress_more_often_than_parts_are_written_and_the_speed_is_of_several_of_those() -> None:
    assert 4 * ledger_recorder.PROGRESS_S <= ledger_recorder.CHECKPOINT_S
    assert 5 * ledger_recorder.CHECKPOINT_S <= ledger_recorder.RECENT_S


def test_workers_that_cannot_start_end_a_run_before_items_that_fail() -> None:
    assert scheduler.START_ATTEMPTS < state_machine.BREAKER_FAILURES
