"""What happens to a run that is told to stop?"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clips import moving_box, write_clip, write_mask_image

from pipelines.ledger import read_ledger


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_130_a_ledger_and_one_line(number: signal.Signals, tmp_path: Path) -> None:
    videos = [write_clip(tmp_path / f"{index}.mp4", frames=8, audio=False) for index in range(12)]
    mask = write_mask_image(tmp_path / "mask.png", moving_box(frames=1)[0])
    words = ["run", "--videos", *map(str, videos), "--masks", str(mask), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "pipelines.cli", *words, "run.executor=inline"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "state=probing" in line)
        run.send_signal(number)
        said = run.stderr.read().splitlines()
    assert run.returncode == 130
    assert said[-1] == "interrupted; the same command goes on from here"
    assert len(read_ledger(tmp_path / "out/_reelmend/ledger")) == 12
