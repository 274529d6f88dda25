"""What lies in an output's place already: nothing of anybody's is lost, and what is moved or replaced is said."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.choices import Codec, Existing
from reelmend.pipelines.config import JobConfig, StoreConfig
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.stages import stitch
from reelmend.pipelines.stages.finished import record_finished
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import location_of
from tests.clips import moving_box, scene, write_clip, write_images, write_mask_image
from tests.jobs import finish, lossless_job

FRAMES = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Job `day` has restored in/clip.mkv to out/clip.mkv; `night` has a video of the same name."""
    for name, seed in (("in", 0), ("night", 1)):
        (tmp_path / name).mkdir()
        write_clip(tmp_path / name / "clip.mkv", FRAMES, codec="ffv1", pictures=scene(FRAMES, seed=seed), audio=False)
    write_mask_image(tmp_path / "mask.png", moving_box(1)[0])
    write_mask_image(tmp_path / "other.png", moving_box(1, box=(12, 8))[0])
    finish(job_in(tmp_path))
    return tmp_path


def job_in(folder: Path, videos: str = "in", name: str = "day", mask: str = "mask.png") -> JobConfig:
    job = lossless_job(folder)
    job.name, job.input.videos, job.input.masks = name, [f"{folder}/{videos}/clip.mkv"], f"{folder}/{mask}"
    job.store.root = f"{folder}/store"
    return job


def kept_aside(folder: Path) -> list[Path]:
    return [path for path in folder.glob("out/_reelmend/replaced/*/**/*") if path.is_file()]


def test_another_jobs_result_is_kept_and_both_say_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    output = folder / "out/clip.mkv"
    before = output.read_bytes()
    _, rows = finish(job_in(folder, "night", "night"))
    assert output.read_bytes() != before
    (kept,) = kept_aside(folder)
    assert (kept.name, kept.read_bytes()) == ("clip.mkv", before)
    assert rows["clip"].facts["set_aside"] == str(kept)
    was = f"the result of another job (day, from {folder}/in/clip.mkv and {folder}/mask.png); it was moved to {kept}"
    assert was in rows["clip"].reason
    assert f"{output}: the existing file is not a result of this job; moved to {kept}" in caplog.text


@pytest.mark.parametrize("change", [{"name": "night"}, {"mask": "other.png"}], ids=["name", "mask"])
def test_a_job_of_another_name_or_with_other_masks_is_another_one(folder: Path, change: dict[str, str]) -> None:
    job = job_in(folder, **change)
    job.mask.dilation += 1
    finish(job)
    assert len(kept_aside(folder)) == 1


def test_the_same_jobs_own_result_is_replaced_when_a_setting_changes_and_that_is_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_in(folder)
    job.mask.dilation += 1
    _, rows = finish(job)
    assert (kept_aside(folder), rows["clip"].reason) == ([], "")
    assert "1 earlier result of this job replaced, because sources or settings have changed" in caplog.text


def test_a_job_whose_videos_were_moved_finds_its_own_results(folder: Path) -> None:
    (folder / "in").rename(folder / "moved")
    summary, _ = finish(job_in(folder, "moved"))
    assert (summary.states, kept_aside(folder)) == ({"restored": 1}, [])


@pytest.mark.parametrize("edit", [b"cut by hand", b""], ids=["edited", "emptied"])
def test_an_output_that_somebody_edited_is_kept_and_made_again(folder: Path, edit: bytes) -> None:
    output = folder / "out/clip.mkv"
    before = output.read_bytes()
    output.write_bytes(edit)
    _, rows = finish(job_in(folder))
    assert output.read_bytes() == before
    assert [path.read_bytes() for path in kept_aside(folder)] == [edit]
    assert "was a result of reelmend that was modified since; it was moved to" in rows["clip"].reason


def test_a_file_that_reelmend_never_wrote_is_kept(folder: Path) -> None:
    shutil.rmtree(folder / "store/items")
    (folder / "out/clip.mkv").write_bytes(b"somebody's own")
    finish(job_in(folder))
    assert [path.read_bytes() for path in kept_aside(folder)] == [b"somebody's own"]


def test_refuse_stops_the_item_before_any_work_and_names_the_ways_out(folder: Path) -> None:
    before = (folder / "out/clip.mkv").read_bytes()
    job = job_in(folder, "night", "night")
    job.run.existing = Existing.refuse
    summary, rows = finish(job)
    assert (summary.exit_status, summary.tasks_computed) == (3, 0)
    assert (rows["clip"].state, rows["clip"].kind) == ("quarantined", "OutputTaken")
    assert "is the result of another job (day, from " in rows["clip"].reason
    assert "run.existing=aside, which keeps it, or run.existing=overwrite" in rows["clip"].reason
    assert (folder / "out/clip.mkv").read_bytes() == before


def test_overwrite_is_what_it_says(folder: Path) -> None:
    job = job_in(folder, "night", "night")
    job.run.existing = Existing.overwrite
    summary, _ = finish(job)
    assert (summary.states, kept_aside(folder)) == ({"restored": 1}, [])


def test_what_was_published_by_a_process_that_died_before_it_said_so_is_known_for_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in(folder, "night", "night")
    job.run.attempts = 1
    monkeypatch.setattr(stitch, "record_finished", lambda *_: 1 / 0)
    summary, _ = finish(job)
    assert summary.states == {"failed": 1}
    assert len(kept_aside(folder)) == 1, "the first job's"
    monkeypatch.setattr(stitch, "record_finished", record_finished)
    summary, rows = finish(job)
    assert (summary.states, rows["clip"].reason, len(kept_aside(folder))) == ({"restored": 1}, "", 1)


def test_a_folder_of_images_is_kept_whole_and_so_is_a_copy_of_a_source(tmp_path: Path) -> None:
    write_images(tmp_path / "in/clip", scene(2))
    write_mask_image(tmp_path / "empty.png", np.zeros((64, 96), np.bool_))
    theirs = write_images(tmp_path / "out/clip", scene(3, seed=5))
    before = {path.name: path.read_bytes() for path in theirs.iterdir()}
    job = job_in(tmp_path, mask="empty.png")
    job.input.videos, job.stitch.codec = [str(tmp_path / "in/clip")], Codec.png
    summary, _ = finish(job)
    assert summary.states == {"untouched": 1}
    assert {path.name: path.read_bytes() for path in kept_aside(tmp_path)} == before
    assert len(list(theirs.iterdir())) == 2


@pytest.mark.slow
def test_in_a_bucket_too(folder: Path, bucket: str, tmp_path: Path) -> None:
    out, files = f"s3://{bucket}/out", Files()
    for videos, name in (("in", "day"), ("night", "night")):
        job = job_in(folder, videos, name)
        job.out, job.store = out, StoreConfig(cache_dir=str(tmp_path / "cache"))
        run_job(job, SilentDisplay())
        if name == "day":
            before = files.read(location_of(f"{out}/clip.mkv"))
    kept = [entry.place for entry in files.walk(location_of(f"{out}/_reelmend/replaced"))]
    assert [files.read(place) for place in kept] == [before]
    files.write(location_of(f"{out}/clip.mkv"), b"edited")
    run_job(job, SilentDisplay())
    kept = [entry.place for entry in files.walk(location_of(f"{out}/_reelmend/replaced"))]
    assert {files.read(place) for place in kept} == {before, b"edited"}
