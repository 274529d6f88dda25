"""Does the page follow a real run, while it goes on and when it is over, wherever its folder lies?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.report.rows import FIELDS
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import ItemRow, ItemState, read_ledger
from tests.browser import Browser, a_browser, in_browser
from tests.jobs import add_item, lossless_job
from tests.pages import HOSTILE, pictured, quarantined, strip
from tests.serve.server import command, serving

CLIPS, FRAMES = 6, 20
"""A block each: the run goes on for three seconds when its first item is done, and the ledger tells so within one."""
PATIENCE_S = 120


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with a_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def in_a_browser(test: Callable[..., None]) -> Callable[..., None]:
    for mark in in_browser:
        test = mark(test)
    return test


@contextmanager
def run_in_a_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "job.yaml").write_text(dump_job(lossless_job(folder)))
    line = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(folder / "job.yaml")]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()  # also if it is being held


def wait_for_states(folder: Path, *states: str) -> None:
    """Wait until the ledger tells of items in all of these."""
    deadline = time.monotonic() + PATIENCE_S
    while not {*states} <= {row.state for row in read_ledger(folder / "out/_reelmend/ledger")}:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@in_a_browser
def test_the_page_follows_a_run_to_its_end_by_itself(tmp_path: Path, browser: Browser) -> None:
    for number in range(CLIPS):
        add_item(tmp_path, f"clip_{number}", frames=FRAMES)
    (tmp_path / "in/a_broken.mp4").write_text("no video")
    (tmp_path / "in/a_broken_mask.mkv").write_bytes((tmp_path / "in/clip_0_mask.mkv").read_bytes())
    with run_in_a_process(tmp_path) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "state=restored" in line)
        wait_for_states(tmp_path, "quarantined", "restored")
        os.kill(run.pid, signal.SIGSTOP)  # it stays under way for as long as it is looked at
        with command(str(tmp_path / "job.yaml")) as client:
            browser.open(client.address)
            browser.wait("document.querySelector('#pulse').innerText === 'LIVE'")
            assert browser.texts("#items .count") == [str(CLIPS + 1)]
            assert browser.texts(".problem bdi.mono") == [str(tmp_path / "in/a_broken.mp4")]
            assert "pending" in browser.texts("#table .badge")
            assert browser.texts(".done") != []
            os.kill(run.pid, signal.SIGCONT)
            run.stderr.read()
            browser.wait("document.querySelector('#pulse').innerText === 'ENDED'")
            browser.wait(f"document.querySelectorAll('.card').length === {CLIPS}")
            states = [text for text in browser.texts("#table .badge") if text != "review"]
            assert states == ["quarantined"] + ["restored"] * CLIPS
            browser.value("document.querySelector('.card').scrollIntoView()")
            browser.wait("document.querySelector('.card').style.getPropertyValue('--strip')")
            assert browser.complaints == []
    browser.wait("document.querySelector('#trouble').innerText.startsWith('No answer from reelmend serve')")
    assert len(browser.texts(".card")) == CLIPS, "what was shown last stays"


@in_a_browser
def test_searching_paging_and_the_pictures_of_any_item(tmp_path: Path, browser: Browser) -> None:
    done = [pictured(tmp_path, f"clip_{number:03d}", strip(number % 9)) for number in range(130)]
    todo = [ItemRow(f"todo_{number}", "in/v", "", "out/v") for number in range(40)]
    at_work = ItemRow("at work", "in/v", "", "out/v", ItemState.RUNNING, started_at=1e9)
    with serving(tmp_path, [*todo, *done, at_work, quarantined("y" + HOSTILE, HOSTILE)]) as client:
        browser.complaints.clear()
        browser.open(client.address)
        assert browser.texts(".count") == ["1", "130", "172"]
        assert browser.texts("#table .badge")[:3] == ["quarantined", "running", "restored"]
        browser.click("#list-section [aria-label='Next page']")
        browser.wait("document.querySelector('#list-section .range').innerText === '101–172 of 172'")
        browser.type("#search", "clip_12")
        browser.wait("document.querySelectorAll('#table tbody tr').length === 10")
        browser.wait("document.querySelectorAll('.card').length === 10")
        browser.click("#table .look")
        browser.wait("document.querySelector('#viewer .card')?.style.getPropertyValue('--strip')")
        assert browser.value("window.owned === undefined")
    assert browser.complaints == []


@pytest.mark.parametrize("where", ["file", "s3"])
def test_the_command_shows_a_run_wherever_its_folder_lies(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    add_item(tmp_path, "clip", frames=8)
    out = str(tmp_path / "out") if where == "file" else f"s3://{request.getfixturevalue('bucket')}/out"
    run_job(replace(lossless_job(tmp_path), out=out), SilentDisplay())
    with command("--out", out) as client:
        (values,) = client.items()["rows"]
        row = dict(zip(FIELDS, values, strict=True))
        picture = client.ask("/" + row["picture"][0])
        now = client.ask("/now").json
    assert (row["id"], row["state"], row["frames"]) == ("clip", "restored", 8)
    assert (picture.status, picture.body[:2]) == (200, b"\xff\xd8")
    assert (now["life"], now["pulse"], now["trouble"]) == ("ended", "ended", "")


def test_a_folder_without_a_run_is_one_clear_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: no ledger at {tmp_path}")
