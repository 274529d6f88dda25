"""`process.max_side: auto`: a soft clip is restored small and a sharp one at its own size, and the row says which."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.job.validate import find_problems
from tests.clips import moving_box, scene, write_clip, write_mask_image
from tests.jobs import finish, lossless_job, planes

SIZE, FRAMES = (128, 96), 6


def sharp() -> np.ndarray:
    """Single pixels of noise: nothing of it is left at half the size."""
    levels = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3))
    return np.repeat(levels.astype(np.uint8)[None], FRAMES, axis=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sizes")
    (folder / "in").mkdir()
    soft = np.stack([cv2.GaussianBlur(picture, (0, 0), 24) for picture in scene(FRAMES, SIZE)])
    for name, pictures in (("soft", soft), ("sharp", sharp())):
        write_clip(folder / "in" / f"{name}.mkv", codec="ffv1", audio=False, pictures=pictures)
        write_mask_image(folder / "in" / f"{name}_mask.png", moving_box(1, SIZE, (12, 12))[0])
    return folder


def job_of(folder: Path, out: str, side: int | str, least: int = 32) -> JobConfig:
    job = lossless_job(folder, out)
    job.input.masks = str(folder / "in" / "{stem}_mask.png")
    job.input.videos = [str(folder / "in" / f"{name}.mkv") for name in ("sharp", "soft")]
    job.process.max_side, job.process.auto_least = side, least
    return job


def test_a_soft_clip_goes_small_and_a_sharp_one_stays_large(folder: Path) -> None:
    """Each equals, to the byte, what the fixed number gives, and shares its parts; a second run does nothing."""
    summary, rows = finish(job := job_of(folder, "auto", "auto"))
    assert summary.exit_status == 0
    sides = {name: rows[name].facts["restored_side"] for name in rows}
    assert sides == {"sharp": 128, "soft": 64}
    assert {row.facts["worked_restored"] for row in rows.values()} == {1.0}
    for name, side in sides.items():
        fixed = job_of(folder, f"fixed-{name}", int(side))
        fixed.input.videos = [str(folder / "in" / f"{name}.mkv")]
        fixed.store.root = str(folder / "auto" / "_reelmend" / "store")
        alone, fixed_rows = finish(fixed)
        assert "restored_side" not in fixed_rows[name].facts
        assert alone.chunks_computed == 0
        assert np.array_equal(planes(folder / "auto" / f"{name}.mkv"), planes(folder / f"fixed-{name}" / f"{name}.mkv"))
    again, rows = finish(job)
    assert (again.finished_earlier, again.tasks_computed) == (2, 0)
    assert {name: rows[name].facts["restored_side"] for name in rows} == sides


def test_another_least_restores_only_the_clip_whose_size_it_changes(folder: Path) -> None:
    finish(job_of(folder, "least", "auto"))
    summary, rows = finish(job_of(folder, "least", "auto", least=96))
    assert rows["soft"].facts["restored_side"] == 96
    assert (rows["soft"].chunks_computed, rows["sharp"].chunks_computed) == (1, 0)
    assert summary.exit_status == 0


def test_the_word_and_numbers_are_read_from_file_command_line_and_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_job(overrides=["process.max_side=auto"]).process.max_side == "auto"
    assert load_job(overrides=["process.max_side=640"]).process.max_side == 640
    monkeypatch.setenv("SIDE", "640")
    assert load_job(overrides=["process.max_side=${oc.env:SIDE}"]).process.max_side == 640


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("process.max_side=large", "process.max_side: 'large' is not a whole number or auto (command line)"),
        ("process.auto_least=4", "process.auto_least: 4 is below 16 (command line)"),
        ("process.auto_most=320", "process.auto_most: 320 is less than process.auto_least (480) (command line)"),
    ],
)
def test_what_is_no_size_is_refused(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_job(overrides=[override])
    assert str(refused.value) == said


def test_a_canvas_has_no_surroundings_to_choose_by() -> None:
    job = JobConfig(mode=Mode.outpaint)
    job.process.max_side = "auto"
    found = {what for keys, what in find_problems(job) if "process.max_side" in keys}
    assert found == {"auto is for mode=inpaint; set a number of pixels"}
