"""The totals of a plan: exact where everything is known, honest where a sample stands for the rest."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmend.pipelines.choices import StillFrames
from reelmend.pipelines.config import InputConfig, JobConfig, PlanConfig
from reelmend.pipelines.engines.blocks import masked_ranges, plan_frames
from reelmend.pipelines.engines.registry import lay_shots
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.forecast.forecast import Sample, forecast
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.job.manifest import walk
from tests.clips import Bool, write_clip, write_mask_image

SIZE = {"width": 640, "height": 360}


def manifest(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> JobConfig:
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return JobConfig(out="s3://bucket/out", input=InputConfig(manifest=str(folder / "items.jsonl")), **settings)


def totals_of(job: JobConfig, looks: int = 0) -> Forecast:
    return forecast(walk(job), job, None, looks=looks)[0]


def test_totals_are_those_of_all_items_laid_out_one_by_one(tmp_path: Path) -> None:
    lengths = [1, 79, 81, 240, 1000, 81]
    rows = [{"video": f"s3://b/{n}.mp4", "mask": "s3://b/m.png", "frames": f, **SIZE} for n, f in enumerate(lengths)]
    job = manifest(tmp_path, rows)
    totals = totals_of(job)
    laid = [_laid_out(job, frames) for frames in lengths]
    assert (totals.items, totals.frames, totals.frames_error) == (6, sum(lengths), 0)
    assert (totals.segments, totals.chunks) == tuple(map(sum, zip(*laid, strict=True)))
    assert totals.flow_bytes == 2 * 640 * 360 * sum(frames - 1 for frames in lengths)


def _laid_out(job: JobConfig, frames: int) -> tuple[int, int]:
    whole = [(0, frames)]
    blocks, everywhere = lay_shots(job, whole, whole, frames), masked_ranges(whole, frames)
    segments, chunks = plan_frames(
        frames, blocks, everywhere, chunk_length=job.plan.chunk_length, segment_length=job.flow.segment_length
    )
    return len(segments), len(chunks)


def test_settings_of_single_items_count(tmp_path: Path) -> None:
    row = {"video": "s3://b/a.mp4", "mask": "s3://b/m.png", "frames": 101, **SIZE}
    job = manifest(tmp_path, [row, {**row, "output": "other", "overrides": "flow.max_side=320"}])
    assert totals_of(job).flow_bytes == 2 * 100 * (640 * 360 + 320 * 180)


def test_without_probing_nothing_is_opened_and_items_without_figures_are_said_to_be_left_out(tmp_path: Path) -> None:
    gone = [{"video": f"gone/{n}.mp4", "mask": "gone/m.png"} for n in range(3)]
    job = manifest(tmp_path, [*gone, {"video": "gone/x.mp4", "mask": "gone/m.png", "frames": 50, **SIZE}])
    totals = totals_of(job)
    assert (totals.items, totals.unknown, totals.frames, totals.looked_at, totals.quarantined) == (4, 3, 50, 0, 0)
    assert totals.part_bytes is None
    assert any("3 items without frames, width and height" in doubt for doubt in totals.doubts)


def test_a_sample_is_opened_and_the_truth_lies_within_the_range_it_gives(tmp_path: Path) -> None:
    for frames in (6, 12, 18, 24):
        write_clip(tmp_path / f"{frames}.mp4", frames=frames)
    write_mask_image(tmp_path / "mask.png", _box())
    rows = [{"video": f"{6 + n % 4 * 6}.mp4", "mask": "mask.png", "output": f"o{n}"} for n in range(400)]
    totals = totals_of(manifest(tmp_path, rows), looks=60)
    assert (totals.items, totals.looked_at, totals.quarantined) == (400, 60, 0)
    assert 0 < totals.frames_error < 0.15 * totals.frames
    assert abs(totals.frames - 400 * 15) <= totals.frames_error
    assert totals.chunks == 400
    assert totals.missing is not None
    assert 0 < totals.missing < 1


def test_what_cannot_be_opened_is_left_out_of_the_totals_for_all_it_stands_for(tmp_path: Path) -> None:
    write_clip(tmp_path / "good.mp4", frames=6)
    (tmp_path / "bad.mp4").write_text("no video")
    write_mask_image(tmp_path / "mask.png", _box())
    rows = [{"video": "good.mp4" if n % 2 else "bad.mp4", "mask": "mask.png", "output": f"o{n}"} for n in range(100)]
    totals = totals_of(manifest(tmp_path, rows), looks=50)
    assert totals.quarantined == pytest.approx(50, abs=16)
    assert totals.frames == 6 * (100 - totals.quarantined)


def test_two_of_many_items_with_one_output_are_refused_by_name(tmp_path: Path) -> None:
    rows = [{"video": f"s3://b/{n}.mp4", "mask": "s3://b/m.png", "frames": 5, **SIZE} for n in range(3000)]
    rows[2500] |= {"video": "s3://b/late.mp4", "output": "17"}
    with pytest.raises(ConfigError, match=r"two items would write .*17\.mp4: s3://b/17\.mp4 and s3://b/late\.mp4"):
        totals_of(manifest(tmp_path, rows, plan=PlanConfig(sample=10)))


@given(st.integers(0, 30), st.integers(1, 10))
def test_a_sample_holds_no_more_than_its_size_and_stands_for_all(number: int, size: int) -> None:
    sample = Sample[int](size)
    for thing in range(number):
        sample.offer(thing)
    assert len(set(sample.kept)) == min(number, size)
    assert sample.weight * len(sample.kept) == pytest.approx(number)


def test_every_thing_is_as_likely_to_be_drawn() -> None:
    drawn = [0] * 10
    for first in range(2000):
        sample = Sample[int](3)
        sample._random.seed(first)
        for thing in range(10):
            sample.offer(thing)
        for thing in sample.kept:
            drawn[thing] += 1
    assert all(500 < times < 700 for times in drawn)


def _box() -> Bool:
    box = np.zeros((64, 96), bool)
    box[20:40, 30:60] = True
    return box


def test_what_only_the_run_finds_out_is_said_and_counted_at_its_bound(tmp_path: Path) -> None:
    row = {"video": "s3://b/a.mp4", "mask": "s3://b/m.png", "frames": 101, **SIZE}
    fixed = manifest(tmp_path, [row])
    fixed.process.max_side = 320
    by_content = manifest(tmp_path, [row])
    by_content.process.max_side, by_content.process.auto_most, by_content.engine = "auto", 320, "auto"
    by_content.process.still_frames = StillFrames.equal
    totals = totals_of(by_content)
    assert totals.flow_bytes == totals_of(fixed).flow_bytes == 2 * 100 * 320 * 180
    assert "sizes are chosen when the videos are read; work is counted at process.auto_most (320)" in totals.doubts
    assert any("work is counted as if no frame repeated another" in doubt for doubt in totals.doubts)
    assert any("which blocks are refined is known when they are drafted" in doubt for doubt in totals.doubts)
