"""What is worked on is predicted as it is laid out: the surroundings of holes, not whole frames."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.pipelines.choices import WorkRegion
from reelmend.pipelines.config import JobConfig, ProcessConfig
from reelmend.pipelines.engines.worked_area import WHOLE, Worked, mean_worked, worked_of_facts
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.forecast.item_estimate import look_at, plan_item
from reelmend.pipelines.forecast.rates import ChosenRates, Rate, add_rates, read_rates
from reelmend.pipelines.forecast.speed import Speed
from reelmend.pipelines.forecast.sums import Hole, pixels_of
from reelmend.pipelines.job.manifest import walk
from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.tasks import Item, ProbeTask
from tests.clips import write_clip, write_mask_image, write_mask_video

SIZE = (1280, 720)


def item_with(folder: Path, *boxes: tuple[int, int]) -> Item:
    video = write_clip(folder / "clip.mp4", frames=3, size=SIZE, audio=False)
    mask = np.zeros(SIZE[::-1], np.bool_)
    for left, top in boxes:
        mask[top : top + 90, left : left + 160] = True
    return Item("clip", video, write_mask_image(folder / "mask.png", mask), folder / "out/clip.mp4")


def job_in(folder: Path, **settings: Any) -> JobConfig:
    return JobConfig(out=str(folder / "out"), **settings)


@pytest.mark.parametrize("boxes", [[(1060, 40)], [(20, 20), (1060, 590)], [(20, 20), (1060, 590), (560, 300)]])
def test_flow_is_predicted_for_the_regions_that_the_probe_will_find(
    tmp_path: Path, boxes: list[tuple[int, int]]
) -> None:
    job, item = job_in(tmp_path), item_with(tmp_path, *boxes)
    looked = look_at(item, job, Headers(job))
    line = plan_item(looked, job, flow_bytes_per_pixel=2, part_bytes_per_pixel=1)
    receipt = probe(ProbeTask(item), WorkerContext(RunContext("run", job)))
    assert receipt.plan is not None
    assert receipt.plan.flow_bytes == pytest.approx(line.flow_bytes, rel=1e-3)
    assert len(receipt.plan.segments) == line.segments
    found = worked_of_facts(receipt.facts)
    assert found is not None
    assert looked.worked is not None
    assert found.restored == pytest.approx(looked.worked.restored, abs=1e-3)


def test_a_job_of_whole_frames_is_predicted_for_these(tmp_path: Path) -> None:
    job = job_in(tmp_path, engine="propainter", process=ProcessConfig(region=WorkRegion.frame))
    looked = look_at(item_with(tmp_path, (1060, 40)), job, Headers(job))
    assert looked.worked == WHOLE


def test_a_rate_of_small_holes_says_the_same_of_whole_frames_and_of_smaller_regions(tmp_path: Path) -> None:
    part = Worked(restored=0.1, flow=0.25, regions=1)
    rate = Rate(
        "here", "cpu", "propagation", "settings", SIZE, SIZE, (640, 360), 0.02, 1, 100,
        {"flow": 0.01}, {"flow": 0.01}, made=False, measured="today", worked=part,
    )  # fmt: skip
    add_rates(tmp_path / "rates.yaml", [rate], Files(JobConfig(out="o").s3))
    (read,) = read_rates(tmp_path / "rates.yaml", Files(JobConfig(out="o").s3))
    assert read.worked == part
    speed = Speed(ChosenRates((read,), "rates.yaml"))

    def seconds(worked: Worked) -> float:
        canvas, job = Canvas.of(SIZE), JobConfig(out="o")
        return speed.seconds(pixels_of(canvas, job, frames=100, pairs=100, seen=100, hole=Hole(0.02, worked)))["flow"]

    assert seconds(part) == pytest.approx(1.0)
    assert seconds(WHOLE) == pytest.approx(4.0)


def test_where_no_mask_was_opened_what_was_measured_is_taken(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", frames=3, size=SIZE, audio=False)
    write_mask_video(tmp_path / "clip_mask.mkv", np.zeros((3, 72, 128), np.bool_))
    job = job_in(tmp_path)
    job.input.videos = [str(tmp_path / "clip.mp4")]
    rate = Rate(
        "here", "cpu", "propagation", "settings", SIZE, SIZE, (640, 360), 0.02, 1, 100,
        {"flow": 0.01}, {"flow": 0.01}, made=False, measured="today", worked=Worked(flow=0.5), flow_bytes_per_pixel=2.0,
    )  # fmt: skip
    totals, _ = forecast(walk(job), job, ChosenRates((rate,), "rates.yaml"), looks=5)
    assert totals.flow_bytes == 2 * 640 * 360 * 2 * 0.5


def test_means_weigh_by_what_they_stand_for() -> None:
    assert mean_worked([(Worked(0.5, 1.0, 2.0), 3), (replace(WHOLE, regions=4.0), 1)]) == Worked(0.625, 1.0, 2.5)
    assert mean_worked([]) is None
