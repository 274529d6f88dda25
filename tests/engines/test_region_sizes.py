"""At which size a region is restored: as fine as the frame for one engine, as fine as the source for the other."""

from reelmend.core_model.regions import Region
from reelmend.pipelines.choices import Mode, WorkRegion
from reelmend.pipelines.config import JobConfig, ProcessConfig
from reelmend.pipelines.engines.region_sizes import measured_size, regions_for, restored_size
from reelmend.pipelines.engines.registry import works_in_regions

UHD = (3840, 2160)
LOGO = Region(3500, 60, 3700, 140)


def test_the_networks_restore_a_logo_in_4k_at_the_sources_size() -> None:
    job = JobConfig(engine="propainter")
    (region,) = regions_for([LOGO], UHD, job)
    assert restored_size(region, UHD, job) == measured_size(region, UHD, job) == region.size
    assert restored_size(None, UHD, job) == (1920, 1080), "the whole frame is made smaller"


def test_propagation_restores_it_as_fine_as_the_frame() -> None:
    job = JobConfig()
    (region,) = regions_for([LOGO], UHD, job)
    assert restored_size(region, UHD, job) == tuple(side // 2 for side in region.size)


def test_a_region_never_takes_more_pixels_than_the_frame_would() -> None:
    job = JobConfig(engine="propainter")
    assert restored_size(Region(0, 0, 2400, 400), UHD, job) == (1920, 320), "the longest side is limited"
    width, height = restored_size(Region(0, 0, 1900, 1900), UHD, job)
    assert 0.99 < width * height / (1920 * 1080) < 1.01, "and the area"


def test_a_setting_or_a_canvas_makes_an_engine_work_on_the_frame() -> None:
    for engine in ("propagation", "propainter"):
        auto = JobConfig(engine=engine)
        assert works_in_regions(auto)
        assert works_in_regions(JobConfig(engine=engine, process=ProcessConfig(region=WorkRegion.hole)))
        frame = JobConfig(engine=engine, process=ProcessConfig(region=WorkRegion.frame))
        assert regions_for([LOGO], UHD, frame) == ()
        assert not works_in_regions(JobConfig(engine=engine, mode=Mode.outpaint))


def test_the_margin_of_a_job_replaces_the_engines_own() -> None:
    process = ProcessConfig(region_margin=96)
    for engine, grid in (("propagation", 64), ("propainter", 8)):
        (region,) = regions_for([Region(600, 300, 632, 332)], (1280, 720), JobConfig(engine=engine, process=process))
        assert region == Region(504, 204, 728, 428).snapped(grid)
