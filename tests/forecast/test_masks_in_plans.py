"""What making masks takes is part of a plan."""

from pathlib import Path

import pytest

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import InputConfig, JobConfig
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.rates import rates_for
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.job.manifest import walk
from reelmend.pipelines.media.masks.sources.registry import source_of


def planned(folder: Path, masks: str, mode: Mode = Mode.inpaint) -> Forecast:
    manifest = folder / "clips.csv"
    manifest.write_text(f"video,mask,frames,width,height,fps\na.mp4,{masks},1000,640,360,25\n")
    job = JobConfig(input=InputConfig(manifest=str(manifest)), mode=mode, out=str(folder / "out"))
    totals, _ = forecast(walk(job), job, rates_for(job), looks=0)
    return totals


@pytest.mark.parametrize("masks", ["track:9;9;50;50@2s", "overlay"])
def test_the_seconds_of_the_sources_are_added_to_the_probe(tmp_path: Path, masks: str) -> None:
    masks = masks.replace(";", ",")
    plain, made = planned(tmp_path, "mask.png"), planned(tmp_path, f'"{masks}"')
    name = masks.partition(":")[0]
    seconds = 1000 * source_of(name).seconds_per_frame((640, 360))
    assert made.seconds["probe"] == pytest.approx(plain.seconds["probe"] + seconds)
    assert made.seconds["inpaint"] == plain.seconds["inpaint"]
    assert any("masks are made" in doubt for doubt in made.doubts)


def test_a_job_of_masks_restores_nothing(tmp_path: Path) -> None:
    totals = planned(tmp_path, "overlay", Mode.masks)
    assert totals.seconds["probe"] > 0
    assert {stage: seconds for stage, seconds in totals.seconds.items() if seconds} == {
        "probe": totals.seconds["probe"]
    }
    assert totals.flow_bytes == 0
