"""Text is found and removed through Ray; a killed run is resumed, with the bytes of a run that nobody disturbed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clips import scene, write_clip

CLIPS, FRAMES, SIZE = 4, 10, (256, 96)
PATIENCE_S = 240

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.usefixtures("on_cluster")]


def subtitled(seed: int) -> NDArray[np.uint8]:
    """A clip with a line of white letters with a black outline in it."""
    frames = scene(FRAMES, SIZE, seed=seed)
    for frame in frames:
        for colour, thickness in (((0, 0, 0), 5), ((255, 255, 255), 2)):
            cv2.putText(
                frame, f"SUBTITLE {seed}", (30, 75), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, thickness, cv2.LINE_AA
            )
    return frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="the extra reelmend[text] is not installed")
    folder = tmp_path_factory.mktemp("text")
    (folder / "in").mkdir()
    for seed in range(CLIPS):
        write_clip(folder / f"in/{seed}.mkv", pictures=subtitled(seed), codec="ffv1", pix_fmt="bgr0", audio=False)
    return folder


def command(folder: Path, out: str, executor: str) -> list[str]:
    videos = ["--videos", str(folder / "in/*.mkv"), "--masks", "text", "--out", str(folder / out)]
    return [sys.executable, "-m", "reelmend.pipelines.cli", "run", *videos, f"run.executor={executor}", "run.workers=1"]


def done(folder: Path, out: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / out).glob("[!.]*.mp4")}


def test_a_killed_run_that_finds_text_is_resumed_with_the_same_bytes(folder: Path) -> None:
    subprocess.run(command(folder, "whole", "inline"), check=True, stdout=subprocess.DEVNULL)
    assert len(done(folder, "whole")) == CLIPS
    deadline = time.monotonic() + PATIENCE_S
    with subprocess.Popen(command(folder, "killed", "ray"), stdout=subprocess.DEVNULL) as run:
        while not done(folder, "killed"):
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "no output was written"
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
    made = {path: path.stat().st_mtime_ns for path in (folder / "killed/_reelmend/store/masks").glob("[!.]*")}
    assert made
    subprocess.run(command(folder, "killed", "ray"), check=True, stdout=subprocess.DEVNULL)
    assert done(folder, "killed") == done(folder, "whole")
    assert {path: path.stat().st_mtime_ns for path in made} == made, "no mask was made twice"
