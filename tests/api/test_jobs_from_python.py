"""A job from Python: load, plan, run with progress, read the ledger."""

import logging
import signal
import threading
from pathlib import Path

import pytest

import reelmend
from reelmend.pipelines.api.progress import ProgressUpdate
from reelmend.pipelines.config import JobConfig
from tests.jobs import add_item


@pytest.fixture
def job(tmp_path: Path) -> JobConfig:
    add_item(tmp_path, frames=6)
    (tmp_path / "job.yaml").write_text("input:\n  videos: [in/*.mp4]\nrun: {executor: inline}\nout: first\n")
    return reelmend.load_job(tmp_path / "job.yaml", settings={"out": str(tmp_path / "out")})


def test_a_job_is_planned_run_with_progress_and_read(
    job: JobConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those that commands of other tests left in this process
    plan = reelmend.plan(job)
    assert (plan.totals.items, plan.totals.frames, plan.items[0].item.id) == (1, 6, "clip")
    told: list[ProgressUpdate] = []
    summary = reelmend.run_job(job, progress=told.append)
    assert summary.states == {"restored": 1}
    assert [update.fraction for update in told] == sorted(update.fraction for update in told)
    assert (told[-1].fraction, told[-1].frames, told[-1].item, told[-1].items) == (1.0, 6, "clip", 1)
    (row,) = reelmend.read_ledger(tmp_path / "out")
    assert (row.id, row.state) == ("clip", reelmend.ItemState.RESTORED)
    assert reelmend.read_ledger(job) == [row]
    assert reelmend.run_job(job).finished_earlier == 1
    assert capfd.readouterr() == ("", ""), "a library prints nothing"


def test_a_bad_item_raises_nothing_and_its_row_says_why(job: JobConfig, tmp_path: Path) -> None:
    bad = add_item(tmp_path, "cut", frames=6)
    bad.write_bytes(bad.read_bytes()[:3000])
    assert reelmend.run_job(job).states == {"restored": 1, "quarantined": 1}
    rows = {row.id: row for row in reelmend.read_ledger(job)}
    assert rows["cut"].kind == "MediaError"
    assert rows["cut"].reason


def test_a_run_in_a_thread_leaves_the_signal_handlers_of_the_program_alone(job: JobConfig) -> None:
    mine = signal.getsignal(signal.SIGTERM)
    seen, states = [], []

    def work() -> None:
        states.append(reelmend.run_job(job, progress=lambda _: seen.append(signal.getsignal(signal.SIGTERM))).states)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert states == [{"restored": 1}]
    assert set(seen) == {mine}


def test_an_error_of_the_progress_function_ends_the_run_and_the_item_is_not_blamed(job: JobConfig) -> None:
    def stop(update: ProgressUpdate) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        reelmend.run_job(job, progress=stop)
    assert reelmend.run_job(job).states == {"restored": 1}


def test_mistakes_raise_and_exit_nothing(tmp_path: Path) -> None:
    with pytest.raises(reelmend.ConfigError, match=r"stitch.crf: 99 is outside 0..51 \(settings\)"):
        reelmend.load_job(settings={"stitch.crf": 99})
    with pytest.raises(reelmend.ConfigError, match="no such job file"):
        reelmend.load_job(tmp_path / "absent.yaml")
    with pytest.raises(reelmend.ConfigError, match="no run has written there yet"):
        reelmend.read_ledger(tmp_path)
    with pytest.raises(reelmend.ConfigError, match="no input"):
        reelmend.run_job(reelmend.load_job(settings={"out": str(tmp_path / "out")}))
