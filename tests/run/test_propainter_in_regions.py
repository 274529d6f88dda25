"""The networks work on the surroundings of holes: each region's picture is its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.regions import Region
from reelmend.pipelines.choices import Precision, WorkRegion
from reelmend.pipelines.config import JobConfig, ProPainterConfig
from reelmend.pipelines.engines.registry import build_engine, build_flow, find_weights
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.flow_cache.codec import decode_flow, encode_flow
from reelmend.pipelines.tasks import Item, ProbeTask
from tests.clips import scene, write_clip, write_mask_video
from tests.jobs import finish, lossless_job

pytestmark = pytest.mark.usefixtures("networks_read_once")

FRAMES, SIZE = 3, (448, 128)
LEFT, RIGHT = Region(0, 0, 128, 128), Region(320, 0, 448, 128)
"""The regions of two holes far apart: the least that the networks take."""
HOLES = (np.s_[:, 60:68, 40:56], np.s_[2:, 50:58, 400:416])
"""The second one is there in the last frame only."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    masks = np.zeros((FRAMES, SIZE[1], SIZE[0]), np.bool_)
    for hole in HOLES:
        masks[hole] = True
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mkv", pictures=scene(FRAMES, SIZE), codec="ffv1", audio=False, pix_fmt="bgr0")
    write_mask_video(tmp_path / "in/clip_mask.mkv", masks, codec="ffv1")
    np.save(tmp_path / "masks.npy", masks)
    return tmp_path


def job_of(folder: Path, weights: dict[str, Any], out: str = "out") -> JobConfig:
    job = lossless_job(folder, out, chunk_length=1000)
    job.engine, job.mask.dilation = "propainter", 0
    schedule: dict[str, Any] = {"subvideo_length": 2, "neighbor_length": 4, "ref_stride": 3, "raft_iterations": 1}
    job.propainter = ProPainterConfig(**weights, **schedule, precision=Precision.fp32)
    return job


def rgb_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def restored_alone(region: Region, folder: Path, job: JobConfig) -> np.ndarray:
    """What the engine makes of a clip that shows a region and nothing else."""
    part, weights = (slice(None), *region.inside), find_weights(job)
    pictures, masks = rgb_of(folder / "in/clip.mkv")[part], np.load(folder / "masks.npy")[part]
    flows = decode_flow(encode_flow(*build_flow(job, weights).estimate(np.ascontiguousarray(pictures))))
    return build_engine(job, weights).restore(ArrayShot(pictures, masks, *flows), 0, FRAMES).frames


@pytest.mark.slow
def test_each_hole_is_restored_from_its_own_region(folder: Path, weights: dict[str, str]) -> None:
    job = job_of(folder, weights)
    finish(job)
    expected = rgb_of(folder / "in/clip.mkv")
    for region in (LEFT, RIGHT):
        part = (slice(None), *region.inside)
        expected[part] = restored_alone(region, folder, job)
    assert np.array_equal(rgb_of(folder / "out/clip.mkv"), expected)


def test_a_shots_blocks_have_its_regions_without_those_whose_hole_is_elsewhere(
    folder: Path, weights: dict[str, str]
) -> None:
    def regions(job: JobConfig) -> list[tuple[Region, ...]]:
        item = Item("clip", folder / "in/clip.mkv", folder / "in/clip_mask.mkv", folder / "planned/clip.mkv")
        context = WorkerContext(RunContext("run", replace(job, out=str(folder / "planned"))))
        plan = probe(ProbeTask(item), context).plan
        assert plan is not None
        return [block.regions for chunk in plan.chunks for block in chunk.blocks]

    job = job_of(folder, weights)
    assert regions(job) == [(LEFT,), (LEFT, RIGHT)]
    job.process.region = WorkRegion.frame
    assert regions(job) == [(), ()]
