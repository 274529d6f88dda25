"""Does the demo show what it says it shows?"""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from reelmend.pipelines.demo.clip import write_clip
from reelmend.pipelines.demo.scene import FRAMES, HEIGHT, RATE, WIDTH, Moment, moments
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb


@pytest.fixture(scope="module")
def scene() -> list[Moment]:
    return list(moments())


def test_the_scene_is_the_same_every_time(scene: list[Moment]) -> None:
    again = next(moments())
    assert np.array_equal(again.shown, scene[0].shown)
    assert np.array_equal(again.truth, scene[0].truth)


def test_the_balloon_lies_inside_the_mask_and_nowhere_else(scene: list[Moment]) -> None:
    for moment in scene:
        changed = np.abs(moment.shown.astype(int) - moment.truth).max(axis=-1)
        assert changed[~moment.mask].max() <= 6, "what the mask leaves out is hardly tinted"
        assert changed[moment.mask].mean() > 40


def test_what_the_balloon_hides_is_shown_at_another_time(scene: list[Moment]) -> None:
    always_hidden = np.logical_and.reduce([moment.mask for moment in scene])
    assert not always_hidden.any()


def test_the_files_hold_the_scene_its_masks_and_a_tone(scene: list[Moment], tmp_path: Path) -> None:
    video, mask = write_clip(tmp_path, scene)
    shown, holes = inspect_video(video), inspect_video(mask)
    assert (shown.frames, shown.width, shown.height, shown.rate) == (FRAMES, WIDTH, HEIGHT, Fraction(RATE))
    assert [stream.codec for stream in shown.streams] == ["aac"]
    hole = to_rgb(next(read_frames(holes, 40, 41)), holes)[..., 0]
    assert np.array_equal(hole > 127, scene[40].mask)


@pytest.mark.ray
@pytest.mark.usefixtures("on_cluster")  # what a Ray of its own costs, others show
@pytest.mark.slow
def test_the_whole_demo_takes_the_balloon_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "demo", "--picture", "picture.png"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert float(re.findall(r"\+([\d.]+) dB", result.stdout)[0]) > 3
    for path in re.findall(r"^(?:before|restored|report) +(\S+)$", result.stdout, re.MULTILINE):
        assert Path(path).stat().st_size > 0
    assert Path("picture.png").stat().st_size < 400_000
    picture = cv2.imread("picture.png")
    assert picture is not None
    assert picture.shape[1] > 2 * WIDTH
