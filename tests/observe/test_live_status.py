"""What a run is at can be seen from outside: what stands still, which store is away, how far a chunk is."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmend.core_model.progress import Progress
from reelmend.pipelines.cli import app
from reelmend.pipelines.observe import live_status
from reelmend.pipelines.observe.live_status import Now, kept_up_to_date
from reelmend.pipelines.observe.pace import RunPace
from reelmend.pipelines.observe.task_progress import Beat, Signs
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.tasks import Block, Chunk, InpaintTask, Item, ItemPlan
from tests.jobs import add_item, finish, lossless_job


def chunk_task(frames: int = 40) -> InpaintTask:
    item = Item("clip", Path("clip.mp4"), Path("m.png"), Path("out/clip.mp4"))
    block = Block(0, frames, 0, frames, 0, frames, 0, frames)
    plan = ItemPlan("probe", frames, 64, 48, (), ())
    return InpaintTask(item, plan, Chunk(0, (block,), ()))


def in_work(frames: int, task: InpaintTask | None = None) -> Signs:
    signs, task = Signs(), task or chunk_task()
    signs.handed_out(task)
    signs.tell(Beat(task.id, 1, frames, 0.1))
    signs.look(time.monotonic())
    return signs


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_frames_within_a_chunk_are_those_of_its_blocks_and_a_share_of_the_one_in_work() -> None:
    progress = Progress()
    progress.begin_task()
    progress.begin_piece(20)
    progress.reach(0.5)
    assert progress.frames == 10
    progress.reach(0.25)  # a second pass over the same block takes nothing back
    assert progress.frames == 10
    progress.begin_piece(20)
    assert progress.frames == 20
    progress.reach(0.75)
    assert progress.frames == 35
    progress.begin_task()
    assert progress.frames == 0


def test_an_item_grows_while_its_chunk_is_in_work() -> None:
    """Five tasks, two of them done; of the third, 10 of 40 frames."""
    pace = RunPace()
    row = ItemRow("clip", "clip.mp4", "m.png", "out", ItemState.RUNNING, tasks_planned=5, tasks_computed=2)
    row.frames_done = 7
    pace.start(1)
    pace.change(row)
    pace.signs = in_work(frames=10)
    assert pace.fraction(row) == (2 + 0.25) / 5
    assert pace.frames_of(row) == 17


def test_what_is_said_of_the_end_does_not_jump() -> None:
    """A tenth was done in 100 s, so 900 are left. Then one item of ten, found bad at once, would make it 400."""
    clock = Clock()
    pace = RunPace(clock)
    pace.start(10)
    ended = [ItemRow(f"v{n}", "v", "m", "o", ItemState.RESTORED) for n in range(2)]
    clock.seconds = 100.0
    pace.change(ended[0])
    assert pace.seconds_left() == 900
    clock.seconds = 101.0
    pace.change(ended[1])
    left_s = pace.seconds_left()
    assert left_s is not None
    assert 800 < left_s < 899
    clock.seconds = 201.0  # long after, the figures are believed: 8 items at 100.5 s each
    left_s = pace.seconds_left()
    assert left_s is not None
    assert abs(left_s - 804) < 1


def test_what_stands_still_and_which_store_is_away_can_be_read_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_status, "LOCAL_PACE_S", 0.05)
    monkeypatch.setattr(live_status, "OVERSTAY_S", -1.0)
    signs = in_work(frames=12)
    with kept_up_to_date(tmp_path / "now.json", Files(), lambda: Now.of("run-1", signs, "refused", 7.0)):
        while not (tmp_path / "now.json").exists():
            time.sleep(0.01)
    now = Now.from_bytes((tmp_path / "now.json").read_bytes())
    assert now is not None
    assert (now.run, now.store_away, now.store_away_s, now.frames_in_work) == ("run-1", "refused", 7.0, {"clip": 12})
    assert [(one.item, one.stage, one.frames) for one in now.still] == [("clip", "inpaint", 12)]
    assert Now.from_bytes(b"{") is None
    assert Now.from_bytes(None) is None


@pytest.mark.slow
def test_status_names_what_stands_still_and_says_how_an_interrupted_run_is_resumed(tmp_path: Path) -> None:
    add_item(tmp_path, frames=4)
    words = ["run", "--videos", str(tmp_path / "in/clip.mp4"), "--masks", str(tmp_path / "in/clip_mask.mkv")]
    code = (  # its probe is found standing still at once, and for half a minute more it does
        "import time, reelmend.pipelines.stages.worker as w, reelmend.pipelines.observe.live_status as n\n"
        "from reelmend.pipelines.tasks import Stage\n"
        "w.STAGES[Stage.PROBE] = lambda task, worker_context: time.sleep(30); n.OVERSTAY_S = 0.1; n.LOCAL_PACE_S = 0.1\n"
        "from reelmend.pipelines.cli import main; main()"
    )
    command = [sys.executable, "-c", code, *words, "--out", str(tmp_path / "out"), "run.executor=inline"]
    now = tmp_path / "out/_reelmend/now.json"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not (now.exists() and json.loads(now.read_text() or "{}").get("still")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        shown = " ".join(status(tmp_path).split())
        assert "clip probe stalled: no progress for" in shown
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    shown = " ".join(status(tmp_path).split())
    assert f"was interrupted; resume with: reelmend run {tmp_path / 'out/_reelmend/config.yaml'}" in shown


def test_a_finished_job_that_is_run_again_keeps_the_figures_of_the_run_that_did_it(tmp_path: Path) -> None:
    add_item(tmp_path, frames=6)
    job = lossless_job(tmp_path)
    first, _ = finish(job)
    kept = tmp_path / "out/_reelmend/run.json"
    before = json.loads(kept.read_text())
    again, _ = finish(job)
    after = json.loads(kept.read_text())
    assert (again.frames_computed, again.finished_earlier) == (0, 1)
    assert after["frames_computed"] == before["frames_computed"] == 6
    assert after["seconds"] == before["seconds"] > 0
    assert (after["run_id"], after["finished_earlier"]) == (again.run_id, 1)
    assert first.run_id != again.run_id
    assert f"run {again.run_id} has ended" in status(tmp_path)


def test_a_disk_that_is_full_names_every_failed_item_and_no_report(tmp_path: Path) -> None:
    """From the first stitch on no file may be larger than 1 kB: neither outputs nor ledger nor report fit any more."""
    for name in ("a", "b"):
        add_item(tmp_path, name, frames=4, size=(64, 48), audio=False)
    words = ["run", "--videos", str(tmp_path / "in/?.mp4"), "--out", str(tmp_path / "out"), "run.executor=inline"]
    code = (
        "import resource, reelmend.pipelines.stages.worker as w; from reelmend.pipelines.tasks import Stage\n"
        "stitch = w.STAGES[Stage.STITCH]\n"
        "fill = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "w.STAGES[Stage.STITCH] = lambda task, worker_context: (fill(), stitch(task, worker_context))[1]\n"
        "from reelmend.pipelines.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "2: 2 failed" in done.stdout
    for name in ("a", "b"):
        assert f"{tmp_path}/in/{name}.mp4\n" in done.stdout
    assert " ".join(done.stdout.split()).count("File too large") == 2
    assert "report  could not be written" in done.stdout
    assert not (tmp_path / "out/_reelmend/report.html").exists()


def status(folder: Path) -> str:
    shown = CliRunner().invoke(app, ["status", "--out", str(folder / "out")])
    assert shown.exit_code == 0, shown.output
    return shown.stdout
