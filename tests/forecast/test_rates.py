"""Rates: what was measured comes back from the file, scales with pixels, and is not invented where nobody measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.config import CostConfig, JobConfig
from reelmend.pipelines.engines.registry import speed_digest
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.forecast.rates import ChosenRates, Rate, add_rates, rates_beside, rates_for, read_rates
from reelmend.pipelines.forecast.result import bill
from reelmend.pipelines.forecast.speed import Pixels, Speed
from reelmend.pipelines.forecast.sums import Sums
from reelmend.pipelines.forecast.totals import conclude
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.tasks import Item

STAGES = ("probe", "flow", "inpaint", "stitch")


def rate(width: int = 640, height: int = 360, missing: float = 0.1, **changes: Any) -> Rate:
    seconds = dict(zip(STAGES, law(width * height / 1e6, missing), strict=True))
    made = Rate(
        machine="4 x Test CPU",
        device="cpu",
        engine="propagation",
        engine_digest=speed_digest(JobConfig()),
        size=(width, height),
        process_size=(width, height),
        flow_size=(width, height),
        missing=missing,
        items=2,
        frames=100,
        seconds_per_frame=seconds,
        cpu_seconds_per_frame=seconds,
        made=False,
        measured="2026-01-01",
    )
    return replace(made, **changes)


def law(megapixels: float, missing: float) -> tuple[float, float, float, float]:
    """Seconds of a frame by stage."""
    return 0.01 * megapixels, 0.2 * megapixels, 0.02 + megapixels * (0.3 + 4 * missing), 0.05 * megapixels


def job_with(path: Path | str, **cost: Any) -> JobConfig:
    return JobConfig(cost=CostConfig(rates=str(path), **cost))


def found_for(job: JobConfig) -> ChosenRates:
    rates = rates_for(job)
    assert rates is not None
    return rates


def test_what_was_written_is_read_and_measuring_the_same_again_replaces_it(tmp_path: Path) -> None:
    place = tmp_path / "rates.yaml"
    first, other = rate(), rate(1280, 720)
    assert add_rates(place, [first, other], Files()) == 2
    found = read_rates(place, Files())
    assert [one.size for one in found] == [(640, 360), (1280, 720)]
    assert found[0].seconds_per_frame == pytest.approx(first.seconds_per_frame, rel=1e-3)
    assert replace(found[0], seconds_per_frame={}, cpu_seconds_per_frame={}) == replace(
        first, seconds_per_frame={}, cpu_seconds_per_frame={}
    )
    assert add_rates(place, [replace(first, measured="2026-02-02", frames=500)], Files()) == 2
    assert {found.frames for found in read_rates(place, Files())} == {100, 500}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 9\nrates: []", "rates of version 9; this version of reelmend reads 1"),
        ("[1, 2", "not a valid rates file"),
        ("version: 1\nrates: [{machine: m}]", "not a valid rates file"),
        ("", "not a valid rates file"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rates.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said) as raised:
        read_rates(tmp_path / "rates.yaml", Files())
    assert "\n" not in str(raised.value)


def test_a_file_that_the_job_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such rates file"):
        rates_for(job_with(tmp_path / "none.yaml"))


def test_seconds_scale_with_the_pixels_of_picture_and_hole() -> None:
    measured = [rate(w, h, missing) for w, h in ((320, 180), (640, 360), (960, 540)) for missing in (0.02, 0.1)]
    speed = Speed(ChosenRates(tuple(measured), "rates.yaml"))
    megapixels = 1280 * 720 / 1e6
    all_of_it = megapixels * 10
    pixels = Pixels(
        source=all_of_it,
        output=all_of_it,
        flow_source=all_of_it,
        flow=all_of_it,
        inpaint_source=all_of_it,
        process=all_of_it,
        missing=all_of_it * 0.05,
        frames_seen=10,
    )
    assert list(speed.seconds(pixels).values()) == pytest.approx([10 * s for s in law(megapixels, 0.05)], rel=1e-6)
    assert speed.spread == pytest.approx(0, abs=1e-6)
    assert not speed.is_far(megapixels)
    assert speed.is_far(3840 * 2160 / 1e6)


def test_what_rates_cannot_explain_is_their_spread() -> None:
    slow = {stage: 2 * seconds for stage, seconds in rate().seconds_per_frame.items()}
    speed = Speed(ChosenRates((rate(), rate(cpu_seconds_per_frame=slow)), "rates.yaml"))
    assert 0.2 < speed.spread < 0.5


def test_an_engine_that_nobody_has_measured_gets_no_hours_and_is_told_how(tmp_path: Path) -> None:
    add_rates(tmp_path / "rates.yaml", [rate()], Files())
    job = replace(job_with(tmp_path / "rates.yaml", machine="Test CPU"), engine="propainter")
    assert rates_for(job) is None
    totals = conclude(Sums(job), None, items=1, looked_at=0, unknown=0, quarantined=0)
    assert (totals.cpu_hours, totals.gpu_hours, totals.price, totals.seconds) == (None, None, None, {})
    assert "no rates for the engine propainter" in totals.doubts[0]


def test_a_gpu_is_taken_for_an_engine_made_for_it_and_a_cpu_for_the_other(tmp_path: Path) -> None:
    propainter = replace(JobConfig(), engine="propainter")
    digest = speed_digest(propainter)
    on_gpu, on_cpu = (rate(engine="propainter", engine_digest=digest, device=device) for device in ("H200", "cpu"))
    add_rates(tmp_path / "rates.yaml", [on_cpu, on_gpu, rate()], Files())
    chosen = found_for(replace(job_with(tmp_path / "rates.yaml"), engine="propainter"))
    assert (chosen.first.device, chosen.doubts) == ("H200", ())
    assert found_for(job_with(tmp_path / "rates.yaml")).first.device == "cpu"


def test_rates_of_other_settings_are_doubted(tmp_path: Path) -> None:
    add_rates(tmp_path / "rates.yaml", [rate(engine_digest="of another form")], Files())
    assert "other settings" in found_for(job_with(tmp_path / "rates.yaml")).doubts[0]


def test_rates_beside_the_job_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    add_rates(tmp_path / "jobs" / "rates.yaml", [rate()], Files())
    assert rates_beside(Path("jobs/job.yaml"), JobConfig()) == "jobs/rates.yaml"
    assert rates_beside(None, JobConfig()) is None
    assert rates_beside(Path("jobs/job.yaml"), job_with("mine.yaml")) == "mine.yaml"


def test_the_rates_that_are_shipped_can_be_read_and_name_their_machine() -> None:
    chosen = found_for(JobConfig())
    assert chosen.first.machine
    assert chosen.source == "rates.yaml of reelmend"


def test_a_gpu_pays_for_flow_and_inpainting_and_cores_for_the_rest() -> None:
    seconds = {"probe": 3600, "flow": 7200, "inpaint": 3600, "stitch": 3600}
    prices = CostConfig(price_per_gpu_hour=3.0, price_per_cpu_hour=0.1)
    due = bill(seconds, seconds, prices, on_gpu=True, gpus_per_worker={"flow": 0.5})
    assert (due.gpu_hours, due.cpu_hours) == (2.0, 2.0)
    assert due.price == pytest.approx(2 * 3 + 2 * 0.1)
    assert bill(seconds, seconds, CostConfig(), on_gpu=False, gpus_per_worker={}).price is None


def test_a_hybrid_engine_is_planned_by_the_rates_of_both_and_the_share_that_is_refined(tmp_path: Path) -> None:
    """A clip of one block, so that no frame is seen twice: 100 frames of 640x360, as measured."""
    place = tmp_path / "rates.yaml"
    networks = JobConfig(engine="propainter")
    slow = dict(zip(STAGES, (9.0, 2.0, 3.0, 9.0), strict=True))
    measured = replace(rate(), engine="propainter", engine_digest=speed_digest(networks), seconds_per_frame=slow)
    add_rates(place, [rate(), replace(measured, cpu_seconds_per_frame=slow)], Files())
    job = job_with(place, refined=0.25)
    job.engine, job.plan.block_length = "auto", 100
    rates = found_for(job)
    sums = Sums(job)
    sums.trust(Item("a", Path("a.mp4"), None, Path("out/a.mp4"), frames=100, width=640, height=360))
    totals = conclude(sums, rates, items=1, looked_at=0, unknown=0, quarantined=0)
    probe, flow, inpaint, stitch = law(640 * 360 / 1e6, 0.1)
    expected = {
        "probe": 100 * probe,
        "flow": 99 * (flow + 0.25 * 2),
        "inpaint": 100 * (inpaint + 0.25 * 3),
        "stitch": 100 * stitch,
    }
    assert totals.seconds == pytest.approx(expected, rel=1e-3)
    assert any("of propainter for 25% of them (cost.refined)" in doubt for doubt in totals.doubts)

    add_rates(tmp_path / "first.yaml", [rate()], Files())
    drafts = conclude(
        sums, found_for(replace(job, cost=CostConfig(rates=str(tmp_path / "first.yaml")))),
        items=1, looked_at=0, unknown=0, quarantined=0,
    )  # fmt: skip
    assert drafts.seconds["inpaint"] == pytest.approx(100 * inpaint, rel=1e-3)
    assert any("no rates for the engine propainter: hours are those of the drafts" in doubt for doubt in drafts.doubts)
