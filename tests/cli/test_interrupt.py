"""What happens to a run that is told to stop?"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import ItemRow, read_ledger
from reelmend.pipelines.tasks import Failure, Receipt
from tests.clips import moving_box, write_clip, write_mask_image
from tests.jobs import add_item, finish, lossless_job


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_130_a_ledger_and_one_line(number: signal.Signals, tmp_path: Path) -> None:
    videos = [write_clip(tmp_path / f"{index}.mp4", frames=8, audio=False) for index in range(12)]
    mask = write_mask_image(tmp_path / "mask.png", moving_box(frames=1)[0])
    words = ["run", "--videos", *map(str, videos), "--masks", str(mask), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "reelmend.pipelines.cli", *words, "run.executor=inline"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "state=probing" in line)
        run.send_signal(number)
        said = run.stderr.read().splitlines()
    assert run.returncode == 130
    assert said[-1] == "Interrupted. Run the same command again to resume."
    assert len(read_ledger(tmp_path / "out/_reelmend/ledger")) == 12


def test_a_run_that_is_interrupted_before_it_has_the_ledger_leaves_the_last_ones_report(tmp_path: Path) -> None:
    class CtrlC(SilentDisplay):
        """Comes when the first item is found finished, which is before the ledger is taken over."""

        def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
            raise KeyboardInterrupt

    add_item(tmp_path, frames=8)
    job = lossless_job(tmp_path)
    finish(job)
    kept = [tmp_path / "out/_reelmend" / name for name in ("run.json", "report.html", "ledger/head.json")]
    before = [path.read_bytes() for path in kept]
    with pytest.raises(KeyboardInterrupt):
        run_job(job, CtrlC())
    assert [path.read_bytes() for path in kept] == before
