"""Only the surroundings of holes are worked on: the picture is what the engine makes of them, however it came about."""

import av
import numpy as np
import pytest
from clips import scene, write_clip, write_mask_image, write_mask_video
from jobs import finish, lossless_job, planes

from core_model.regions import Region
from pipelines.cache.flow_cache import decode_flow, encode_flow, segment_key
from pipelines.config import EngineName, JobConfig, Mode
from pipelines.context import RunContext
from pipelines.engines import build_engine, build_flow, works_in_regions
from pipelines.stages.desk import Desk
from pipelines.stages.probe import probe
from pipelines.tasks import Item, Segment, Stage, Task

FRAMES, SIZE = 12, (640, 384)
BLOCKS = {"block_length": 4, "overlap": 1}
LEFT, RIGHT = Region(40, 50, 70, 70), Region(580, 320, 610, 340)
"""Holes whose surroundings do not meet."""


def masks_of(*boxes, speed=0):
    masks = np.zeros((FRAMES, SIZE[1], SIZE[0]), np.bool_)
    for box in boxes:
        for index, mask in enumerate(masks):
            mask[box.top : box.bottom, box.left + speed * index : box.right + speed * index] = True
    return masks


def add_item(folder, masks, name="clip"):
    (folder / "in").mkdir(exist_ok=True)
    video = folder / "in" / f"{name}.mkv"
    pictures = np.where(masks[..., None], np.uint8(255), scene(FRAMES, SIZE))
    write_clip(video, pictures=pictures, codec="ffv1", audio=False)
    if (masks == masks[0]).all():
        write_mask_image(folder / "in" / f"{name}_mask.png", masks[0])
    else:
        write_mask_video(folder / "in" / f"{name}_mask.mkv", masks, codec="ffv1")
    return video


def plan_of(folder, job, mask):
    item = Item("clip", folder / "in/clip.mkv", folder / "in" / mask, folder / "out" / "clip.mkv")
    return probe(Task(Stage.PROBE, item), Desk(RunContext("run", job))).plan


def regions_in(plan):
    return {region for chunk in plan.chunks for block in chunk.blocks for region in block.regions}


@pytest.fixture(scope="module")
def two_logos(tmp_path_factory):
    """A clip with two holes that stay, restored in many chunks."""
    folder = tmp_path_factory.mktemp("two")
    add_item(folder, masks_of(LEFT, RIGHT))
    summary, _ = finish(lossless_job(folder, **BLOCKS, chunk_length=1))
    assert summary.exit_status == 0
    return folder


def test_a_hole_is_restored_from_its_region_alone(tmp_path):
    add_item(tmp_path, masks_of(LEFT))
    job = lossless_job(tmp_path)
    plan = plan_of(tmp_path, job, "clip_mask.png")
    (region,) = regions_in(plan)
    assert region == Region(0, 0, 256, 256)
    finish(job)
    assert np.array_equal(rgb_of(tmp_path / "out/clip.mkv")[:, *region.inside], restored_alone(tmp_path, job, region))


def restored_alone(folder, job, region):
    """What the engine makes of a clip that shows the region and nothing else."""
    source = rgb_of(folder / "in/clip.mkv")[:, *region.inside]
    hole = Region(LEFT.left - 4, LEFT.top - 4, LEFT.right + 4, LEFT.bottom + 4)  # grown by mask.dilation
    (folder / "alone/in").mkdir(parents=True)
    write_clip(folder / "alone/in/clip.mkv", pictures=source, codec="ffv1", pix_fmt="gbrp", audio=False)
    mask = np.zeros(source.shape[1:3], np.bool_)
    mask[hole.top + 4 : hole.bottom - 4, hole.left + 4 : hole.right - 4] = True
    write_mask_image(folder / "alone/in/clip_mask.png", mask)
    alone = lossless_job(folder / "alone")
    assert regions_in(plan_of(folder / "alone", alone, "clip_mask.png")) == set()
    finish(alone)
    return rgb_of(folder / "alone/out/clip.mkv")


def rgb_of(path):
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
