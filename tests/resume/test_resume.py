"""What survives a kill? The same command finishes, no finished part is computed again, and the picture is the same.

The bugs this would catch: a result that is half written and taken for whole, work that is lost because only the driver
knew of it, an item that stays "running" for ever, and a second run that starts from nothing.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import dump_job
from tests.clips import moving_box, scene, write_clip, write_images, write_mask_image, write_mask_video
from tests.jobs import add_item, finish, lossless_job, planes

PATIENCE_S = 120
CHUNKS, SEGMENTS = 5, 3

pytestmark = pytest.mark.usefixtures("on_cluster")  # a start of Ray each would take most of the time


def small_job(folder: Path, out: str, executor: ExecutorName = ExecutorName.inline) -> JobConfig:
    job = lossless_job(folder, out, executor=executor, block_length=4, overlap=1, chunk_length=4)
    job.flow.segment_length, job.run.workers = 7, 1
    return job


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    add_item(folder, frames=4 * CHUNKS)
    finish(small_job(folder, "expected"))
    return folder


def finished_job(folder: Path, out: str) -> JobConfig:
    """A job that has finished: it found every flow and every part beside it, and computed nothing but its output."""
    shutil.copytree(folder / "expected/_reelmend/store", folder / out / "_reelmend/store")
    job = small_job(folder, out)
    summary, _ = finish(job)
    assert (summary.chunks_reused, summary.exit_status) == (CHUNKS, 0)
    return job


def command(folder: Path, job: JobConfig) -> list[str]:
    """The job as a user would type it."""
    (folder / "job.yaml").write_text(dump_job(job))
    return [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(folder / "job.yaml"), "--json"]


def parts(out: str) -> dict[Path, int]:
    """The finished parts of a run so far, with their times of writing."""
    return {path: path.stat().st_mtime_ns for path in Path(out).glob("_reelmend/store/parts/*/[!.]*")}


def wait_for_parts(out: str, count: int, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(parts(out)) < count:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "no parts were written"
        time.sleep(0.01)


@pytest.mark.parametrize("executor", [ExecutorName.inline, pytest.param(ExecutorName.ray, marks=pytest.mark.ray)])
def test_a_killed_driver_loses_no_finished_part(folder: Path, executor: ExecutorName) -> None:
    job = small_job(folder, f"killed-{executor}", executor)
    with subprocess.Popen(command(folder, job), stdout=subprocess.DEVNULL) as run:
        wait_for_parts(job.out, 2, run)
        run.send_signal(signal.SIGKILL)
    before = parts(job.out)

    summary, _ = finish(job)
    assert summary.exit_status == 0
    assert summary.chunks_reused >= 2
    assert summary.chunks_computed + summary.chunks_reused == CHUNKS
    after = parts(job.out)
    assert len(after) == CHUNKS
    assert {path: after[path] for path in before} == before, "finished parts were not written again"
    assert same_picture(folder, job)


@pytest.mark.ray
@pytest.mark.slow
def test_killed_workers_are_replaced_and_the_run_finishes(folder: Path) -> None:
    job = small_job(folder, "workers", ExecutorName.ray)
    job.run.attempts = 3
    log = folder / "workers.log"
    with log.open("w") as file, subprocess.Popen(command(folder, job), stdout=subprocess.PIPE, stderr=file) as run:
        for finished in (1, 3):
            wait_for_parts(job.out, finished, run)
            kill_workers(log)
        assert run.stdout is not None
        summary = json.loads(run.stdout.read())
    assert (run.returncode, summary["states"]) == (0, {"restored": 1})
    assert log.read_text().count("placed as process") > summary["workers"], "none was replaced"
    assert same_picture(folder, job)


@pytest.mark.parametrize(
    ("executor", "signal_number"),
    [
        (ExecutorName.inline, signal.SIGINT),
        pytest.param(ExecutorName.ray, signal.SIGTERM, marks=pytest.mark.ray),
    ],
)
def test_an_interrupted_run_says_so_and_resumes(
    folder: Path, executor: ExecutorName, signal_number: signal.Signals
) -> None:
    job = small_job(folder, f"stopped-{executor}-{signal_number}", executor)
    with subprocess.Popen(command(folder, job), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        wait_for_parts(job.out, 2, run)
        run.send_signal(signal_number)
        assert run.stderr is not None
        said = run.stderr.read().decode()
    assert run.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said
    job.run.executor = ExecutorName.inline  # whoever goes on: what was done is found
    summary, _ = finish(job)
    assert summary.exit_status == 0
    assert summary.chunks_reused >= 2
    assert same_picture(folder, job)


def test_a_finished_run_does_nothing_and_says_so(folder: Path) -> None:
    job = small_job(folder, "expected")
    before = (folder / "expected/clip.mkv").stat().st_mtime_ns
    summary, rows = finish(job)
    assert (summary.finished_earlier, summary.tasks_computed, summary.exit_status) == (1, 0, 0)
    assert rows["clip"].reused
    assert (folder / "expected/clip.mkv").stat().st_mtime_ns == before


def test_what_a_change_does_not_touch_is_not_computed_again(folder: Path) -> None:
    job = finished_job(folder, "changed")
    job.stitch.codec = job.stitch.codec.h264
    encoded_anew, _ = finish(job)
    assert (encoded_anew.chunks_computed, encoded_anew.chunks_reused) == (0, CHUNKS)
    job.mask.dilation += 1
    filled_anew, rows = finish(job)
    assert filled_anew.chunks_computed == CHUNKS
    assert rows["clip"].tasks_reused == SEGMENTS, "flow does not depend on the mask"


def test_a_changed_mask_leaves_flow_and_a_changed_video_leaves_the_other_items(tmp_path: Path) -> None:
    for name in ("clip", "other"):
        add_item(tmp_path, name, frames=8)
    job = small_job(tmp_path, "out")
    finish(job)
    mask = tmp_path / "in/clip_mask.mkv"
    mask.write_bytes(mask.read_bytes())
    summary, rows = finish(job)
    assert summary.finished_earlier == 2, "the same content, written again"
    write_mask_video(mask, moving_box(8)[::-1], codec="ffv1")
    summary, rows = finish(job)
    assert (rows["other"].reused, rows["clip"].reused) == (True, False)
    assert rows["clip"].tasks_reused == rows["clip"].tasks_planned - rows["clip"].chunks_planned - 2, "flow alone"
    write_clip(tmp_path / "in/other.mp4", frames=8)
    summary, rows = finish(job)
    assert (rows["clip"].reused, rows["other"].tasks_reused) == (True, 0)


def test_a_changed_rate_concerns_folders_of_images_only(tmp_path: Path) -> None:
    add_item(tmp_path, frames=6)
    frames = write_images(tmp_path / "in/frames", scene(5))
    write_mask_image(frames / "00005.png", scene(1)[0, ..., 0])
    (tmp_path / "in/frames_mask.mkv").write_bytes((tmp_path / "in/clip_mask.mkv").read_bytes())
    job = lossless_job(tmp_path)
    finish(job)
    job.input.image_rate = "50"
    _, rows = finish(job)
    assert (rows["clip"].reused, rows["frames"].reused) == (True, False)
    assert (rows["frames"].chunks_computed, rows["frames"].facts["rate"]) == (0, "50")
    assert rows["frames"].reason.count("pixel format gray (00005.png and maybe others)") == 1, "each note stands once"


@pytest.mark.parametrize("artefact", ["flow", "parts", "probes"])
def test_a_damaged_artefact_is_noticed_and_made_again(folder: Path, artefact: str) -> None:
    job = finished_job(folder, f"damaged-{artefact}")
    (Path(job.out) / "clip.mkv").unlink()
    store = Path(job.out) / "_reelmend/store"
    if artefact == "flow":
        for path in (store / "parts").glob("*/*"):
            path.unlink()
    for path in [p for p in (store / artefact).rglob("*") if p.is_file()][:2]:
        path.write_bytes(path.read_bytes()[:-100])
    summary, _ = finish(job)
    assert summary.exit_status == 0
    assert same_picture(folder, job)


def test_an_output_that_was_removed_or_changed_is_written_again(folder: Path) -> None:
    job = finished_job(folder, "lost")
    output = Path(job.out) / "clip.mkv"
    for harm in (output.unlink, lambda: output.write_bytes(b"something else")):
        harm()
        summary, _ = finish(job)
        assert (summary.chunks_computed, summary.finished_earlier) == (0, 0)
        assert same_picture(folder, job)


def same_picture(folder: Path, job: JobConfig) -> bool:
    restored, expected = planes(Path(job.out) / "clip.mkv"), planes(folder / "expected" / "clip.mkv")
    return np.array_equal(restored, expected)


def kill_workers(log: Path) -> None:
    """Kill every worker that the run says it has, as the kernel does when memory runs out."""
    for pid in re.findall(r"placed as process (\d+)", log.read_text()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
