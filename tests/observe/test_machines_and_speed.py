"""Machines, GPUs and frames per second over time, from receipts to what a reader sees."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from reelmend.core_model.device import gpu_load
from reelmend.core_model.device.gpu_load import GpuLoad
from reelmend.pipelines.cli.status import print_now
from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.machines import RECENT_S, Gpu, Machine, MachinesSeen
from reelmend.pipelines.observe.report.page import render_machines
from reelmend.pipelines.observe.speed_history import MOST_POINTS, SpeedHistory, rates, sparkline
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.tasks import Chunk, Effort, Failure, InpaintReceipt, InpaintTask, Item, ItemPlan, ProbeTask
from tests.browser import Browser, a_browser
from tests.jobs import lossless_job
from tests.pages import HOSTILE, pictured, strip
from tests.serve.server import moment_of, serving_moment
from tests.serve.test_live_page import in_a_browser
from tests.standin.fake_cuda import card

TASK = InpaintTask(Item("a", Path("a"), None, Path("o")), ItemPlan("p", 9, 64, 48, (), ()), Chunk(0, (), ()))


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def chunk_of(frames: int) -> InpaintReceipt:
    return InpaintReceipt(TASK.id, frames=frames)


def answer(worker: str, device: str = "", **told: float) -> InpaintReceipt:
    return InpaintReceipt(TASK.id, effort=replace(Effort(worker, device=device), **told))  # type: ignore[arg-type]


def test_machines_are_those_of_the_workers_that_answered_lately_with_their_gpus() -> None:
    clock = Clock()
    seen = MachinesSeen(clock)
    seen.answered(TASK, answer("old:1", rss_mb=5), again=False)
    clock.seconds += RECENT_S
    for worker, device, load in (("b:1", "b:0", 0.9), ("b:2", "b:1", 0.5), ("b:2", "b:1", 0.7)):
        told = answer(worker, device, device_used_mb=40_000, device_load=load, rss_mb=2000)
        seen.answered(TASK, told, again=False)
    seen.answered(TASK, answer("a:9", rss_mb=300), again=False)
    seen.answered(TASK, Failure(TASK.id, "WorkerLost", "gone", transient=True), again=True)
    clock.seconds += 1
    assert seen.machines() == [
        Machine("b", 2, 3, 4000, [Gpu("0", 40_000, 0.9), Gpu("1", 40_000, 0.7)]),
        Machine("a", 1, 1, 300, []),
    ]


def test_a_rate_is_that_of_the_frames_between_two_points() -> None:
    """40 frames in the first 10 s, 20 in the next 10, of which 5 are of a chunk in progress."""
    clock = Clock()
    speed = SpeedHistory(clock)
    clock.seconds += 10
    speed.answered(TASK, chunk_of(40), again=False)
    speed.points()
    clock.seconds += 10
    speed.answered(TASK, chunk_of(15), again=False)
    speed.answered(TASK, replace(chunk_of(99), reused=True), again=False)
    assert rates(speed.points(frames_in_work=5)) == [(10.0, 4.0), (20.0, 2.0)]
    assert sparkline(speed.points(frames_in_work=5)) == "█▅"
    clock.seconds += 10  # the chunk in progress was lost, and with it its frames
    assert rates(speed.points())[-1] == (30.0, 0.0)


def test_a_history_of_days_has_as_few_points_as_one_of_minutes_and_the_same_total() -> None:
    clock = Clock()
    speed = SpeedHistory(clock)
    for _ in range(20_000):
        clock.seconds += 5
        speed.answered(TASK, chunk_of(10), again=False)
        speed.points()
    points = speed.points()
    assert MOST_POINTS / 2 <= len(points) <= MOST_POINTS
    assert all(rate == pytest.approx(2.0, rel=0.01) for _, rate in rates(points))
    assert points[-1][0] > 0.97 * 100_000


def test_what_a_run_reports_is_read_back_and_what_an_older_one_left_out_is_empty() -> None:
    now = Now("r", 1.0, machines=[Machine("b", 1, 2, 3.0, [Gpu("0", 4.0, None)])], speed=[(0.0, 0.0), (5.0, 10.0)])
    said = now.to_dict()
    assert Now.from_bytes(json.dumps(said).encode()) == now
    older = {name: value for name, value in said.items() if name not in ("machines", "speed")}
    assert Now.from_bytes(json.dumps(older).encode()) == Now("r", 1.0)
    assert Now.from_bytes(json.dumps(said | {"machines": [{"speed": 1}]}).encode()) is None


NOW = Now(
    "r",
    machines=[Machine("node-" + HOSTILE, 4, 90, 8192.0, [Gpu("0", 40_960.0, 0.93), Gpu("1", 1024.0, None)])],
    speed=[(0.0, 0.0), (10.0, 40.0), (20.0, 60.0), (30.0, 140.0)],
)


def test_a_run_that_says_nothing_of_machines_has_no_such_section() -> None:
    assert render_machines(None).strip() == ""
    assert render_machines(Now("r")).strip() == ""
    assert "frames per second now" not in render_machines(Now("r", speed=[(0.0, 0.0), (5.0, 1.0)])), (
        "no line of a point"
    )


def test_status_shows_them_in_lines() -> None:
    screen = Console(file=StringIO(), width=120)
    print_now(screen, replace(NOW, machines=[replace(NOW.machines[0], name="node-1")]))
    assert screen.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "speed     ▅▃█  at most 8.0 frames/s",
        "machine   node-1: 4 workers, 8.6 GB of memory, GPU 0 93% busy, 42.9 GB in use, GPU 1 load unknown, 1.1 GB in use",
    ]


def test_a_receipt_has_the_load_of_the_gpu_and_the_workers_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a task that fails, and of one that is over sooner than the load is looked at."""
    monkeypatch.setattr(torch.cuda, "utilization", lambda: 70)
    monkeypatch.setattr(gpu_load, "GPU_LOAD", GpuLoad())
    job = lossless_job(tmp_path)
    worker = Worker(RunContext("r", replace(job, engine="propainter")))
    task = ProbeTask(Item("a", tmp_path / "missing.mp4", None, tmp_path / "o.mkv"))
    with card():
        effort = worker.perform(task).effort
    assert (effort.device.rpartition(":")[2], effort.device_load) == ("0", 0.7)
    assert effort.rss_mb > 50
    assert Worker(RunContext("r", job)).perform(task).effort.device_load is None


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with a_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@in_a_browser
def test_the_live_page_draws_speed_and_names_machines_and_follows(tmp_path: Path, browser: Browser) -> None:
    """Rates of 4, 2 and 8 frames a second: the chart is 600 by 120, and the highest rate is drawn 6 below its top."""
    first = replace(moment_of([pictured(tmp_path, "clip", strip(0))]), now=NOW)
    later = replace(first, now=replace(NOW, speed=[*NOW.speed, (40.0, 150.0)]))
    with serving_moment(tmp_path, first) as (client, run):
        browser.open(client.address)
        browser.wait("document.querySelector('.speed polyline')")
        line = browser.value("document.querySelector('.speed polyline').getAttribute('points')")
        assert line == "0.0,63.0 200.0,63.0 400.0,91.5 600.0,6.0"
        assert browser.texts(".speed .facts span") == ["8.0 now", "8.0 at most", "30.0 s since the start"]
        assert browser.texts(".machines tr") == [
            f"node-{HOSTILE}\t4 workers\t8.6 GB of memory",
            "GPU 0\t93% busy\t42.9 GB in use",
            "GPU 1\tload unknown\t1.1 GB in use",
        ]
        box = browser.value("JSON.stringify(document.querySelector('.speed svg').getBoundingClientRect())")
        assert json.loads(str(box))["height"] >= 100
        run.moment = later  # nothing has happened in the ledger meanwhile
        browser.wait("document.querySelector('.speed .facts b').innerText === '1.0'")
        assert browser.value("window.owned === undefined")
    assert browser.complaints == []
