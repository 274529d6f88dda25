"""What a run says it needs is not evicted by anybody; what it has used is known to later evictions."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache import eviction as room
from reelmend.pipelines.storage.flow_cache.eviction import Limits, prune
from reelmend.pipelines.storage.flow_cache.journal import FlowJournal
from reelmend.pipelines.storage.flow_cache.keys import key_named
from reelmend.pipelines.storage.flow_cache.records import as_names, needed_now, padded, read_records
from reelmend.pipelines.storage.flow_cache.survey import survey
from reelmend.pipelines.storage.flow_cache.verify import check_all
from reelmend.pipelines.storage.location import Location

EVERYTHING = Limits(max_bytes=0)
NAMES = [bytes([n + 1]) * 15 + b"\0" for n in range(4)]


@pytest.fixture
def store(folder: Location, files: Files) -> Store:
    """A cache of four segments."""
    store = Store(folder, files)
    for name in NAMES:
        store.put(key_named(name), bytes(100))
    return store


def left(store: Store) -> list[str]:
    return [key for key, _ in store.list("flow")]


def keys(*numbers: int) -> list[str]:
    return [key_named(NAMES[n]) for n in numbers]


def records(store: Store, folder: str) -> list[str]:
    return [key for key, _ in store.list(folder)]


def age(store: Store, key: str, seconds: int) -> None:
    """Make a local object older."""
    path = store.root / key
    assert isinstance(path, Path)
    was = path.stat().st_mtime
    os.utime(path, (was - seconds, was - seconds))


def test_what_a_live_run_needs_stays_until_its_item_has_ended(store: Store) -> None:
    journal = FlowJournal(store, "run", "dis")
    journal.need("clip", NAMES[:2])
    pruned = prune(store, EVERYTHING)
    assert (pruned.segments, pruned.needed_bytes) == (2, pruned.bytes_left)
    assert left(store) == keys(0, 1)
    journal.done("clip")
    journal.publish(all_used=True)
    prune(store, EVERYTHING)
    assert left(store) == []
    journal.close()


def test_two_runs_that_share_a_cache_spare_what_either_needs(store: Store) -> None:
    first, second = FlowJournal(store, "first", "dis"), FlowJournal(store, "second", "raft")
    first.need("clip", NAMES[:1])
    second.need("clip", NAMES[1:2])
    prune(store, EVERYTHING)
    assert left(store) == keys(0, 1)
    second.close()
    prune(store, EVERYTHING, first.let_go)
    assert left(store) == keys(0)
    first.close()


def test_a_run_that_evicts_spares_what_it_has_not_written_down_yet(store: Store) -> None:
    journal = FlowJournal(store, "run", "dis", pause_s=1000)
    journal.need("first", NAMES[:1])
    journal.need("second", NAMES[1:2])
    assert list(padded(needed_now(store))) == NAMES[:1]
    prune(store, EVERYTHING, journal.let_go)
    assert left(store) == keys(0, 1)


def test_what_another_run_comes_to_need_after_the_choice_is_spared(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BATCH", 1)
    other = FlowJournal(store, "other", "dis")

    @contextmanager
    def while_another_run_begins(names: NDArray[Any]) -> Iterator[NDArray[Any]]:
        other.need("clip", NAMES[1:])
        yield names

    assert prune(store, EVERYTHING, while_another_run_begins).segments == 1
    assert left(store) == keys(1, 2, 3)
    other.close()


def test_who_needs_what_is_being_deleted_waits_and_others_do_not(store: Store) -> None:
    journal = FlowJournal(store, "run", "dis", pause_s=1000)
    waiting = threading.Thread(target=journal.need, args=("late", NAMES[:1]))
    with journal.let_go(as_names(NAMES[:2])) as leaving:
        assert list(padded(leaving)) == NAMES[:2]
        waiting.start()
        journal.need("clip", NAMES[2:])
        assert sorted(padded(needed_now(store))) == NAMES[2:]
    waiting.join()
    with journal.let_go(as_names(NAMES)) as leaving:
        assert list(padded(leaving)) == NAMES[1:2]
    journal.close()


def test_later_needs_are_written_down_by_themselves(store: Store) -> None:
    journal = FlowJournal(store, "run", "dis", pause_s=0.01)
    journal.need("first", NAMES[:1])
    journal.need("second", NAMES[1:2])
    for _ in range(1000):
        if len(needed_now(store)) == 2:
            break
    assert sorted(padded(needed_now(store))) == NAMES[:2]
    journal.close()


def test_a_run_that_ends_leaves_what_it_has_used_and_who_computed_it(store: Store) -> None:
    journal = FlowJournal(store, "run", "dis")
    journal.need("clip", NAMES[:2])
    journal.close()
    assert records(store, "flow_runs") == []
    (record,) = read_records(store)
    assert (record.flow, list(padded(record.names))) == ("dis", NAMES[:2])
    seen = survey(store)
    assert [seen.flows[number] for number in seen.flow] == ["dis", "dis", "unknown", "unknown"]


def test_a_run_without_needs_writes_nothing(store: Store) -> None:
    FlowJournal(store, "run", "dis").close()
    assert records(store, "flow_runs") + records(store, "flow_used") == []


def test_a_dry_run_removes_nothing(store: Store) -> None:
    assert prune(store, EVERYTHING, dry_run=True).segments == 4
    assert left(store) == keys(0, 1, 2, 3)


def test_files_of_somebody_else_are_neither_counted_nor_removed(store: Store) -> None:
    store.put("flow/notes.txt", b"ours")
    assert prune(store, EVERYTHING).segments == 4
    assert left(store) == ["flow/notes.txt"]


def test_damaged_and_half_objects_are_found_and_deleted(store: Store, files: Files) -> None:
    damaged = keys(1, 2)
    whole = files.read(store.root / damaged[0])
    assert whole is not None
    files.write(store.root / damaged[0], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    files.write(store.root / damaged[1], whole[:-10])
    checked = check_all(store)
    assert (checked.objects, sorted(checked.damaged)) == (4, damaged)
    assert left(store) == keys(0, 3)
    assert check_all(store).damaged == ()


@pytest.mark.parametrize("folder", ["file"], indirect=True)
def test_a_killed_run_is_taken_for_dead_and_its_records_go_when_they_tell_nothing(store: Store) -> None:
    killed = FlowJournal(store, "killed", "dis", pause_s=1000)
    killed.need("clip", NAMES[:2])
    for key in keys(0, 1, 2, 3):
        age(store, key, 5000)
    age(store, "flow_runs/killed", 1000)
    prune(store, Limits(max_bytes=300))
    assert keys(2)[0] not in left(store), "what the killed run needed counts as used then"
    assert records(store, "flow_runs") == ["flow_runs/killed"]
    later = FlowJournal(store, "later", "dis")
    later.need("clip", NAMES[:2])
    later.close()
    prune(store, Limits(max_bytes=300))
    assert records(store, "flow_runs") == []
    assert records(store, "flow_used") == ["flow_used/later-000000"]


@pytest.mark.parametrize("folder", ["file"], indirect=True)
def test_what_a_killed_writer_left_half_is_swept_up_after_an_hour(store: Store) -> None:
    root = store.root
    assert isinstance(root, Path)
    now, old = (root / f"flow/01/.{'01' * 16}.{end}" for end in ("aaaaaaaa", "bbbbbbbb"))
    for path in (now, old):
        path.write_bytes(b"half")
    age(store, str(old.relative_to(root)), 4000)
    assert check_all(store).half_written == 1
    assert now.exists()


def test_a_store_that_takes_no_record_costs_a_warning_and_no_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: bytes | str) -> None:
        raise StoreError("disk full")

    journal = FlowJournal(store, "run", "dis")
    monkeypatch.setattr(store, "put", fail)
    journal.need("clip", NAMES)
    journal.close()
    assert "disk full" in caplog.text
