"""The ledger holds what the driver knew, whatever became of it, and rewrites only what changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.run.item_lifecycle import add_work
from reelmend.pipelines.run.ledger_recorder import CHECKPOINT_S, PROGRESS_S, RECENT_S
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemState, LedgerView, read_ledger
from reelmend.pipelines.storage.ledger.head import Head, head_place, part_place, read_head
from reelmend.pipelines.storage.ledger.partition import decode_rows, encode
from reelmend.pipelines.storage.ledger.write import read_outcomes
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, InpaintReceipt, Stage
from tests.ledger.runs import Clock, Run, finished, pending

FILES = Files()
RESTORED, QUARANTINED, RUNNING = ItemState.RESTORED, ItemState.QUARANTINED, ItemState.RUNNING


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows a part."""
    for module in ("storage.ledger.partition", "storage.ledger.write", "run.ledger_recorder"):
        monkeypatch.setattr(f"reelmend.pipelines.{module}.PART_ROWS", 4)


def read(place: Location) -> bytes:
    content = FILES.read(place)
    assert content is not None
    return content


def head_of(place: Location) -> Head:
    head = read_head(place, FILES)
    assert head is not None
    return head


def states(place: Location) -> dict[str, ItemState]:
    return {row.id: row.state for row in read_ledger(place)}


def parts(place: Location) -> dict[str, str]:
    """The parts that lie there, with a tag that changes when one is written."""
    return {entry.place.name: entry.tag for entry in FILES.children(part_place(place, ""))}


def test_rows_come_back_from_parquet_as_they_were() -> None:
    (row,) = pending("ä/b").values()
    row.seconds, row.facts = {"flow": 1.5}, {"digest": "d", "frames": 7, "share": 0.25}
    row.state, row.earlier, row.reused, row.peak_rss_mb = RESTORED, QUARANTINED, True, 12.5
    assert decode_rows(encode([row])) == [row]
    row.facts |= {"quality_score": 0.25, "quality_worst_frame": 7, "review": 1, "review_reason": "it flickers"}
    assert decode_rows(encode([row])) == [row]
    assert decode_rows(encode([])) == []
    with pytest.raises(ConfigError, match="cannot be read"):
        decode_rows(b"not parquet")


def test_quality_has_columns_of_its_own_which_older_parts_may_lack() -> None:
    rows = list(pending("a", "b", "c").values())
    rows[0].facts = {"quality_score": 0.25, "quality_worst_frame": 7, "review": 1, "review_reason": "it flickers"}
    rows[1].facts = {"quality_score": 1, "review": 0}
    rows[2].facts = {"quality_score": "much", "quality_worst_frame": float("inf")}
    table = pq.read_table(pa.BufferReader(encode(rows)))
    assert table["quality_score"].to_pylist() == [0.25, 1.0, None]
    assert table["quality_worst_frame"].to_pylist() == [7, None, None]
    assert table["review"].to_pylist() == [True, False, None]
    assert table["review_reason"].to_pylist() == ["it flickers", None, None]
    older = table.drop_columns([name for name in table.column_names if name.startswith(("quality", "review"))])
    sink = pa.BufferOutputStream()
    pq.write_table(older, sink)
    assert decode_rows(bytes(sink.getvalue()))[:2] == rows[:2]


def test_what_the_driver_knew_is_there_after_a_kill(place: Location) -> None:
    run = Run(place, "one", pending("a", "b", "c"))
    run.tell("a", RUNNING, started_at=5.0, facts={"digest": "d"}, seconds={"probe": 1.0})
    run.tell("a", RESTORED, facts={"digest": "d", "bytes": 9}, seconds={"probe": 1.0, "stitch": 2.0}, chunks_computed=3)
    run.tell("b", QUARANTINED, kind="MediaError", reason="no frames", attempts=2)
    run.die()
    rows = {row.id: row for row in read_ledger(place)}
    assert rows == run.rows
    assert rows["c"].state is ItemState.PENDING
    assert decode_rows(read(part_place(place, "one-00000.parquet")))[0].state is ItemState.PENDING


def test_what_a_stage_has_done_is_known_after_a_kill_however_many_tasks_it_had(place: Location) -> None:
    run = Run(place, "one", pending("a"))
    for _ in range(3):
        run.clock.now_s += PROGRESS_S
        add_work(run.rows["a"].work, Stage.INPAINT, InpaintReceipt("inpaint:a:0", seconds=2.0, frames=20))
        run.tell("a", RUNNING)
    run.die()
    (row,) = read_ledger(place)
    assert row.work[Stage.INPAINT]["frames"] == 60


def test_a_run_that_has_ended_needs_no_events(place: Location) -> None:
    run = Run(place, "one", pending("a", "b"))
    run.tell("a", RESTORED)
    run.end()
    head = head_of(place)
    assert (head.run, head.ended_at > 0) == ("one", True)
    for entry in FILES.children(place / "events" / "one"):
        FILES.delete(entry.place)
    assert states(place) == {"a": RESTORED, "b": ItemState.PENDING}


def test_only_parts_with_changed_rows_are_written_again(place: Location, small_parts: None) -> None:
    clock = Clock()
    run = Run(place, "one", pending(*"abcdefghij"), clock)
    before = parts(place)
    assert len(before) == 3
    clock.now_s += CHECKPOINT_S
    run.tell("f", RUNNING)
    after = parts(place)
    assert {name for name in before if after[name] != before[name]} == {"one-00001.parquet"}
    run.tell("j", RUNNING)
    assert parts(place) == after, "the parts follow at their own pace"
    run.die()
    assert states(place)["j"] is RUNNING


def test_a_machine_whose_time_is_set_back_keeps_its_ledger_up_to_date(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, "one", pending("a", "b"), clock)
    run.tell("a", RUNNING)
    clock.set_s = -3600.0
    for done in range(8):
        clock.now_s += CHECKPOINT_S
        run.tell("a", RUNNING, frames_done=done)
    row, _ = decode_rows(read(part_place(tmp_path, "one-00000.parquet")))
    assert row.frames_done == 7
    head = head_of(tmp_path)
    assert head.events > 0
    assert head.written_at - head.pace.at == RECENT_S


def test_items_that_the_probe_finds_finished_are_none_that_the_run_has_done(tmp_path: Path) -> None:
    run = Run(tmp_path, "one", pending("a", "b"))
    run.tell("a", ItemState.PROBING, tasks_planned=1)
    run.tell("a", RESTORED, reused=True, tasks_reused=1)
    run.tell("b", RUNNING, tasks_planned=4, tasks_computed=1)
    for _ in range(8):
        run.clock.now_s += CHECKPOINT_S
        run.tell("b", RUNNING)
    assert head_of(tmp_path).pace.items == 0.25


def test_rows_of_items_that_a_run_leaves_out_stay(place: Location, small_parts: None) -> None:
    finished(place, "one", dict.fromkeys("abcdefgh", RESTORED) | {"i": QUARANTINED})
    before = parts(place)
    finished(place, "two", {"b": RESTORED, "new": QUARANTINED})
    rows = {row.id: row for row in read_ledger(place)}
    assert list(rows)[:2] == ["b", "new"]
    assert sorted(rows) == sorted([*"abcdefghi", "new"])
    assert [rows[name].run for name in ("a", "b", "new")] == ["one", "two", "two"]
    untouched = "one-00001.parquet"
    assert parts(place)[untouched] == before[untouched], "nothing in it was of the second run"
    assert parts(place).keys() == set(head_of(place).parts), "parts that hold nothing any more are gone"


def test_a_killed_runs_last_events_survive_the_next_run(place: Location) -> None:
    run = Run(place, "one", pending("a", "b"))
    run.tell("a", QUARANTINED, reason="no frames")
    run.die()
    finished(place, "two", {"b": RESTORED})
    assert states(place) == {"b": RESTORED, "a": QUARANTINED}
    assert {row.reason for row in read_ledger(place)} == {"no frames", ""}


def test_an_outcome_is_known_until_there_is_another_one(place: Location) -> None:
    finished(place, "one", {"a": QUARANTINED, "b": RESTORED})
    run = Run(place, "two", pending("a", "b"))
    run.tell("b", RUNNING)
    run.die()
    assert {name: outcome.state for name, outcome in read_outcomes(place, FILES).items()} == {
        "a": QUARANTINED,
        "b": RESTORED,
    }
    finished(place, "three", {"a": RESTORED})
    assert read_outcomes(place, FILES)["a"].state is RESTORED
    run = Run(place, "four", pending("a", video="elsewhere/{}.mp4"))
    assert run.rows["a"].earlier is None, "another video under the same name"


def test_a_reader_catches_up_with_a_run_by_its_events_alone(place: Location) -> None:
    run = Run(place, "one", pending("a", "b"))
    view = LedgerView(place, FILES)
    run.clock.now_s += 3
    run.tell("a", RUNNING, frames_done=7)
    run.tell("b", RUNNING, attempts=2, answer=Failure("flow:b:0", "StoreError", "disk full", transient=True))
    run.die()
    view.refresh()
    assert (view.rows["a"].state, view.rows["a"].frames_done) == (RUNNING, 7)
    assert (view.last_errors, view.heard_at) == ({"b": "disk full"}, 1003.0)
    finished(place, "two", {"a": RESTORED})
    view.refresh()
    assert [row.id for row in view.rows_of_run()] == ["a"]


def test_a_reader_that_could_not_read_a_new_runs_parts_does_so_at_the_next_look(tmp_path: Path) -> None:
    finished(tmp_path, "one", {"a": QUARANTINED})
    view = LedgerView(tmp_path, FILES)
    finished(tmp_path, "two", {"a": RESTORED, "b": RESTORED})
    part = part_place(tmp_path, "two-00000.parquet")
    assert isinstance(part, Path)
    aside = part.rename(tmp_path / "aside")
    part.mkdir()
    with pytest.raises(StoreError):
        view.refresh()
    assert [row.id for row in view.rows_of_run()] == ["a"], "what was known stays until more is"
    part.rmdir()
    aside.rename(part)
    view.refresh()
    assert [row.id for row in view.rows_of_run()] == ["a", "b"]


def test_every_change_is_an_event_with_time_run_attempt_and_reason(place: Location) -> None:
    run = Run(place, "one", pending("a"))
    run.tell("a", ItemState.PROBING, attempts=1)
    run.tell("a", ItemState.PROBING, answer=Failure("probe:a", "StoreError", "disk full", transient=True))
    run.tell("a", QUARANTINED, attempts=2, reason="no frames")
    run.end()
    text = read(place / "events" / "one" / "000000.jsonl").decode()
    *events, end = [json.loads(line) for line in text.splitlines()]
    assert (end["what"], end["lines"]) == ("end", 5)
    assert [event["what"] for event in events] == ["run", "state", "attempt", "state", "run"]
    assert {(event["at"], event["run"]) for event in events} == {(1000.0, "one")}
    assert [event.get("attempts") for event in events[1:4]] == [1, 1, 2]
    assert (events[2]["error"], events[3]["reason"]) == ("disk full", "no frames")


def test_a_damaged_ledger_costs_what_it_said_and_no_more(place: Location, caplog: pytest.LogCaptureFixture) -> None:
    finished(place, "one", {"a": QUARANTINED})
    FILES.write(part_place(place, "one-00000.parquet"), b"zeros")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_ledger(place)
    finished(place, "two", {"b": RESTORED})
    assert states(place) == {"b": RESTORED}
    assert "one-00000.parquet" in caplog.text
    assert FILES.read(place / "damaged/one-00000.parquet") == b"zeros", "it is there to be looked at"
    FILES.write(head_place(place), b"{")
    with pytest.raises(ConfigError, match=r"head\.json cannot be read .* run the same command again"):
        read_ledger(place)
    finished(place, "three", {"c": RESTORED})
    assert states(place) == {"c": RESTORED, "b": RESTORED}, "the parts are still there"
    assert FILES.read(place / "damaged/three-head.json") == b"{"


def test_a_damaged_segment_of_events_costs_the_lines_that_are_hit_and_is_set_aside(
    place: Location, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(place, "one", pending("a", "b", "c", "d"))
    run.tell("a", RESTORED, ended_at=2.0)
    run.tell("b", RESTORED, ended_at=2.0)
    run.die()
    run.tell("c", RESTORED, ended_at=2.0)
    run.die()
    segment = place / "events/one/000000.jsonl"
    whole = read(segment)
    damaged = whole.replace(b'"a", "state": "restored"', b'"a", "state": "failed!!"')
    assert damaged != whole
    FILES.write(segment, damaged)
    known = {"a": ItemState.PENDING, "b": RESTORED, "c": RESTORED, "d": ItemState.PENDING}
    assert states(place) == known
    assert "segment 0 of the events in" in caplog.text
    finished(place, "two", {"e": RESTORED})
    assert states(place) == {"e": RESTORED} | known
    assert FILES.read(place / "damaged/one-000000.jsonl") == damaged
    assert FILES.read(segment) is None
    finished(place, "three", {"e": RESTORED})


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\0" * len(content),
        lambda content: content[: len(content) // 2],
        lambda content: b"\n".join(content.split(b"\n")[:1]) + b"\n",
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda content: b"[1, 2]\n",
        lambda content: None,
    ],
    ids=["empty", "zeros", "half", "lines missing", "a bit", "other JSON", "gone"],
)
def test_no_damage_of_events_keeps_a_run_out(
    tmp_path: Path, damage: Callable[[bytes], bytes | None], caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(tmp_path, "one", pending("a", "b"))
    run.tell("a", RESTORED, ended_at=2.0)
    run.die()
    run.tell("b", RESTORED, ended_at=2.0)
    run.die()
    segment = tmp_path / "events/one/000000.jsonl"
    content = damage(segment.read_bytes())
    segment.unlink() if content is None else segment.write_bytes(content)
    assert states(tmp_path)["b"] == RESTORED, "later segments are read"
    assert "segment 0 of the events" in caplog.text
    caplog.clear()
    finished(tmp_path, "two", {"c": RESTORED})
    assert states(tmp_path)["b"] == RESTORED
    assert "events/one/000000.jsonl are damaged" in caplog.text


@pytest.mark.parametrize("column", ["state", "facts", "started_at", "frames"])
def test_a_part_whose_values_are_others_than_were_written_is_not_believed(tmp_path: Path, column: str) -> None:
    """Valid Parquet with another value in it: a disk's flipped bit that no reader of Parquet minds."""
    finished(tmp_path, "one", {"a": QUARANTINED})
    part = part_place(tmp_path, "one-00000.parquet")
    table = pq.read_table(part)
    other = {"state": "restored", "facts": '{"bytes": 1}', "started_at": 7.0, "frames": 7}[column]
    index = table.schema.get_field_index(column)
    pq.write_table(table.set_column(index, table.schema.field(column), pa.array([other])), part)
    with pytest.raises(ConfigError, match=f"{column} does not match its checksum; run the same command again"):
        read_ledger(tmp_path)


def test_a_head_with_another_number_in_it_is_not_believed(tmp_path: Path) -> None:
    finished(tmp_path, "one", {"a": RESTORED})
    head = head_place(tmp_path)
    assert isinstance(head, Path)
    head.write_text(head.read_text().replace('"items": 1', '"items": 2'))
    with pytest.raises(ConfigError, match="does not match its checksum"):
        read_ledger(tmp_path)
