"""What a finished run keeps beside its results can be removed, and the next run still knows that it has finished."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.run_layout import LEASE
from tests.jobs import add_item, finish, lossless_job


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    add_item(folder, frames=12, audio=False)
    finish(lossless_job(folder))
    return folder


@pytest.fixture
def out(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run, to be cleaned."""
    shutil.copytree(finished / "out", tmp_path / "out", copy_function=shutil.copy2)
    monkeypatch.chdir(tmp_path)
    return Path("out")


def sizes(folder: Path) -> dict[Path, int]:
    return {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def clean(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["clean", "out", *words])
    return result.exit_code, result.stdout, result.stderr


def test_parts_and_flow_go_and_everything_else_stays(out: Path) -> None:
    before = sizes(out)
    own = {path: size for path, size in before.items() if path.parts[1:3] in (("store", "parts"), ("store", "flow"))}
    assert {path.parts[2] for path in own} == {"parts", "flow"}

    status, said, _ = clean("--dry-run", "--json")
    assert (status, json.loads(said)["bytes"]) == (0, sum(own.values()))
    assert sizes(out) == before

    assert clean()[0] == 0
    gone = before.keys() - sizes(out).keys()
    assert gone - {path for path in gone if "flow_used" in path.parts} == own.keys()


def test_a_run_after_it_finds_everything_finished(finished: Path, tmp_path: Path) -> None:
    job = lossless_job(finished, "again")
    finish(job)
    assert CliRunner().invoke(app, ["clean", job.out]).exit_code == 0
    again, _ = finish(job)
    assert (again.finished_earlier, again.tasks_computed) == (1, 0)


def test_what_was_moved_out_of_the_way_goes_only_when_asked(out: Path) -> None:
    kept = out / "_reelmend/replaced/run/clip.mkv"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"earlier")
    assert clean()[0] == 0
    assert kept.exists()
    assert "replaced" in clean("--replaced")[1]
    assert not kept.exists()


def test_a_run_in_progress_is_left_alone(out: Path) -> None:
    with lease_on(out / "_reelmend" / LEASE, "another", Files()):
        status, _, said = clean()
    assert status == 2
    assert "another" in said or "in progress" in said
    assert any(path.parts[1:3] == ("store", "parts") for path in sizes(out))


def test_a_run_that_did_not_finish_keeps_what_it_resumes_from(out: Path) -> None:
    (out / "_reelmend/run.json").unlink()
    status, _, said = clean()
    assert (status, "the run did not finish" in said, "--unfinished" in said) == (2, True, True)
    assert clean("--unfinished")[0] == 0


def test_a_store_that_other_runs_may_use_is_not_touched(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = lossless_job(finished, "shared")
    job.store.root, job.store.flow = str(tmp_path / "store"), str(tmp_path / "flow")
    summary: RunSummary = finish(job)[0]
    assert summary.exit_status == 0
    before = sizes(tmp_path)
    result = CliRunner().invoke(app, ["clean", job.out])
    assert "store.root" in result.stdout
    assert "store.flow" in result.stdout
    assert sizes(tmp_path) == before
