"""What is seen while a run goes on?"""

import io
import logging
import pickle
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from reelmend.pipelines.choices import LogFormat
from reelmend.pipelines.observe.progress import LogDisplay, SilentDisplay, choose_display
from reelmend.pipelines.observe.progress_live import LINES, LiveDisplay
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.tasks import Failure


def row(name: str, state: ItemState, **more: object) -> ItemRow:
    made = ItemRow(name, f"in/{name}.mp4", "mask.png", f"out/{name}.mp4", state)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=110, height=30, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def drawn(display: LiveDisplay) -> str:
    page = terminal()
    page.print(display.render())
    return shown(page)


def test_a_terminal_gets_bars_a_pipe_gets_lines_and_a_machine_gets_nothing() -> None:
    assert isinstance(choose_display(terminal(), machine=False, log=LogFormat.auto), LiveDisplay)
    assert isinstance(choose_display(Console(file=io.StringIO()), machine=False, log=LogFormat.auto), LogDisplay)
    assert isinstance(choose_display(terminal(), machine=True, log=LogFormat.auto), SilentDisplay)


def test_the_live_display_has_a_bar_for_the_run_and_a_line_for_each_active_video() -> None:
    display = LiveDisplay(terminal())
    display.start(3, "run-1", Path("out"))
    active = row("clip", ItemState.RUNNING, tasks_planned=8, tasks_computed=4, chunks_planned=3, chunks_computed=1)
    display.change(row("done", ItemState.RESTORED), None)
    display.change(active, None)
    display.stop()
    lines = drawn(display).splitlines()
    assert "1/3 items" in lines[0]
    assert ["clip" in lines[1], "restoring" in lines[1], "1/3 chunks" in lines[1]] == [True] * 3


def test_a_hundred_active_videos_do_not_fill_the_terminal() -> None:
    display = LiveDisplay(terminal())
    display.start(100, "run-1", Path("out"))
    for number in range(100):
        display.change(row(f"v{number}", ItemState.RUNNING, started_at=number), None)
    display.stop()
    lines = drawn(display).splitlines()
    assert len(lines) == LINES + 2
    assert lines[-1].strip() == f"and {100 - LINES} more in progress"


def test_what_goes_wrong_stays_on_the_terminal_even_with_markup_in_its_name() -> None:
    console = terminal()
    display = LiveDisplay(console)
    display.start(1, "run-1", Path("out"))
    display.change(row("[red]x[/]", ItemState.QUARANTINED, reason="no frames"), None)
    display.stop()
    assert "quarantined  in/[red]x[/].mp4: no frames" in shown(console)


def test_lines_carry_run_item_and_state_once_a_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reelmend")
    display = LogDisplay()
    display.start(1, "run-1", Path("out"))
    clip = row("clip", ItemState.RUNNING)
    display.change(clip, None)
    display.change(clip, None)
    display.change(clip, Failure("inpaint:clip:0", "WorkerLost", "killed by signal 9", transient=True))
    clip.state, clip.reason = ItemState.FAILED, "died 3 times"
    display.change(clip, None)
    display.stop()
    assert caplog.messages == [
        "run=run-1 items=1 out=out started",
        "run=run-1 item=clip state=running",
        "run=run-1 item=clip task=inpaint:clip:0 attempt lost: killed by signal 9",
        "run=run-1 item=clip state=failed ended=1/1 frames=0 chunks_computed=0 chunks_reused=0 reason='died 3 times'",
        "run=run-1 ended=1/1 over",
    ]


def test_without_a_terminal_lines_say_how_far_the_run_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reelmend")
    display = LogDisplay(every_s=0.05)
    display.start(4, "run-1", Path("out"))
    display.change(row("a", ItemState.RESTORED), None)
    deadline = time.monotonic() + 10
    while not (said := [line for line in caplog.messages if line.endswith("in progress")]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    display.stop()
    assert re.fullmatch(r"run=run-1 done=25% ended=1/4 frames_per_s=0.0 left=0:\d\d in progress", said[0])


def test_a_display_holds_what_is_in_work_and_not_what_has_ended() -> None:
    displays = LogDisplay(), LiveDisplay(terminal())
    for display in displays:
        for number in range(500):
            display.change(row(f"clip {number}", ItemState.RUNNING), None)
            display.change(row(f"clip {number}", ItemState.RESTORED), None)
    assert all(len(pickle.dumps(vars(display) | {"_console": None})) < 1000 for display in displays)
