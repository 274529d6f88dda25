"""Death at every step, one after the other: ledger, artefacts, outputs and leases are old or new, and then finished.

With real files, and with what a power cut leaves of those that were not flushed.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.run.ledger_recorder import LedgerRecorder
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.stitch import stitch
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import FileLease, Holder
from reelmend.pipelines.storage.ledger import ItemRow, ItemState, read_ledger
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.tasks import ProbeTask, StitchTask
from tests import deaths
from tests.clips import scene, write_images
from tests.jobs import add_item, finish, lossless_job

RESTORED, QUARANTINED = ItemState.RESTORED, ItemState.QUARANTINED


def at_every_step(
    start: Path,
    folder: Path,
    act: Callable[[Path], None],
    check: Callable[[Path], None],
    always: Path | None = None,
) -> int:
    """Let `act` die at each of its steps over a copy of `start`; `check` what is left, let it be done again, and check.

    Returns the number of steps, and leaves what comes of them in `folder`/whole. `always`: where each copy lies.
    """
    folder.mkdir()
    left = always or folder / "left"
    shutil.copytree(start, left)
    with deaths.process(left) as whole:
        act(left)
    shutil.copytree(left, folder / "whole")
    shutil.rmtree(left)
    for number in range(whole.steps):
        shutil.copytree(start, left)
        with deaths.process(left, number) as process:
            act(left)
        assert process.dead, f"step {number} of {whole.steps} was not reached"
        check(left)
        with deaths.process(left):
            act(left)
        check(left)
        shutil.rmtree(left)
    return whole.steps


def ledger_run(place: Path, name: str, ends: dict[str, ItemState]) -> None:
    rows = {item: ItemRow(item, f"in/{item}.mp4", "", f"out/{item}.mp4") for item in ends}
    keeper = LedgerRecorder(place, Files(), FileLease(place / "lease", Holder.this_process(name)), name)
    keeper._events._pace_s = 3600.0
    keeper.begin(rows, {})
    for item, state in ends.items():
        rows[item].state = state
        keeper.change(rows[item], None)
    keeper._checkpoint()
    keeper.close(halted="")


def test_a_ledger(tmp_path: Path) -> None:
    start = tmp_path / "start"
    ledger_run(start, "one", {"a": RESTORED, "b": QUARANTINED})

    def act(folder: Path) -> None:
        ledger_run(folder, "two", {"b": RESTORED, "c": RESTORED})

    def check(folder: Path) -> None:
        rows = {row.id: row for row in read_ledger(folder)}
        assert rows["a"].state is RESTORED, "a row that the second run leaves out"
        assert rows["b"].outcome in (QUARANTINED, RESTORED)

    assert at_every_step(start, tmp_path / "left", act, check) > 20
    assert {row.id: row.state for row in read_ledger(tmp_path / "left/whole")} == dict.fromkeys("abc", RESTORED)


def test_an_artefact(tmp_path: Path) -> None:
    start = tmp_path / "start"
    Store(start, Files()).put("parts/ab/there", b"part" * 100)

    def act(folder: Path) -> None:
        Store(folder, Files()).put("parts/cd/new", b"new part" * 100)
        Store(folder, Files()).delete("parts/ab/there")

    def check(folder: Path) -> None:
        found = [Store(folder, Files()).get(key) for key in ("parts/ab/there", "parts/cd/new")]
        assert found[0] in (None, b"part" * 100)
        assert found[1] in (None, b"new part" * 100)
        assert found != [None, None]

    assert at_every_step(start, tmp_path / "left", act, check) >= 4


@pytest.mark.parametrize("kind", ["file", "images"])
def test_an_output_is_the_old_one_or_the_new_one_or_absent_and_nothing_else_stays(tmp_path: Path, kind: str) -> None:
    def write(path: Path, seed: int) -> None:
        if kind == "file":
            path.write_bytes(b"%d" % seed * 1000)
        else:
            write_images(path, scene(2, (16, 16), seed=seed))

    def content(path: Path) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in ([path] if kind == "file" else path.iterdir())}

    start, made = tmp_path / "start", tmp_path / "made"
    for folder in (start, made):
        folder.mkdir()
    write(start / "clip", 1)
    write(made / "clip", 2)
    old, new = content(start / "clip"), content(made / "clip")

    def act(folder: Path) -> None:
        with staged(folder / "clip", Files(), folder) as path:
            write(path, 2)

    def check(folder: Path) -> None:
        if (folder / "clip").exists():
            assert content(folder / "clip") in (old, new)
        else:
            assert kind == "images", "a file is replaced in one step"

    assert at_every_step(start, tmp_path / "left", act, check) >= 5
    act(tmp_path / "left/whole")
    assert [path.name for path in (tmp_path / "left/whole").iterdir()] == ["clip"]
    assert content(tmp_path / "left/whole/clip") == new


def test_a_lease(tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.mkdir()
    held: list[FileLease] = []

    def act(folder: Path) -> None:
        for lease in held:  # its process has ended
            lease._file and lease._file.close()
        held[:] = [FileLease(folder / "_reelmend/lease.json", Holder.this_process("one"))]
        with held[0]:
            pass

    assert at_every_step(start, tmp_path / "left", act, lambda folder: None) >= 1


def test_an_item_that_is_published_is_found_or_made_again_and_never_set_aside(tmp_path: Path) -> None:
    """Over an earlier result of its own: what a death leaves is never taken for somebody else's."""
    add_item(tmp_path, frames=2)
    job = lossless_job(tmp_path)
    finish(job)
    expected, start = (tmp_path / "out/clip.mkv").read_bytes(), tmp_path / "start"
    (tmp_path / "out").rename(start)
    job.stitch.speed = "fast"  # another key and the same bytes: there is the stitch to do, and no more
    (item,) = discover(job)

    def act(_: Path) -> None:
        worker_context = WorkerContext(RunContext("run", job))
        found = probe(ProbeTask(item), worker_context)
        if found.final is None:
            assert found.plan is not None
            stitch(StitchTask(item, found.plan), worker_context)

    def check(out: Path) -> None:
        assert (out / "clip.mkv").read_bytes() == expected
        assert not (out / "_reelmend/replaced").exists(), "its own result was taken for another's"

    assert at_every_step(start, tmp_path / "left", act, check, always=tmp_path / "out") > 10
    assert [path.name for path in (tmp_path / "left/whole").glob(".*")] == []
