"""Only the surroundings of holes are worked on: the picture is what the engine makes of them, however it came about."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.propagation import engine as propagation_engine
from reelmend.core_model.regions import Region
from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import build_engine, build_flow, works_in_regions
from reelmend.pipelines.media.masks.align import grown
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.flow_cache.codec import decode_flow, encode_flow
from reelmend.pipelines.storage.flow_cache.keys import segment_key
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.tasks import Item, ItemPlan, ProbeTask, Segment
from tests.clips import U8, Bool, scene, write_clip, write_mask_video
from tests.jobs import finish, lossless_job, planes

SIZE = (640, 384)
LEFT, RIGHT = Region(40, 50, 60, 66), Region(590, 330, 612, 344)
"""Holes whose surroundings do not meet."""

Moving = tuple[Path, JobConfig, ItemRow]


def masks_of(*boxes: Region, frames: int = 8, size: tuple[int, int] = SIZE, speed: int = 0) -> Bool:
    masks = np.zeros((frames, size[1], size[0]), np.bool_)
    for box in boxes:
        for index, mask in enumerate(masks):
            mask[box.top : box.bottom, box.left + speed * index : box.right + speed * index] = True
    return masks


def add_item(folder: Path, masks: Bool, **clip: Any) -> None:
    """Write in/clip.mkv, a panning scene with white boxes, and their mask beside it."""
    (folder / "in").mkdir(exist_ok=True)
    pictures = np.where(masks[..., None], np.uint8(255), scene(len(masks), masks.shape[:0:-1]))
    write_clip(folder / "in/clip.mkv", pictures=pictures, codec="ffv1", audio=False, **clip)
    write_mask_video(folder / "in/clip_mask.mkv", masks, codec="ffv1")


def plan_of(folder: Path, job: JobConfig) -> ItemPlan:
    item = Item("clip", folder / "in/clip.mkv", folder / "in/clip_mask.mkv", folder / "planned/clip.mkv")
    context = RunContext("run", replace(job, out=str(folder / "planned")))
    plan = probe(ProbeTask(item), WorkerContext(context)).plan
    assert plan is not None
    return plan


def regions_in(plan: ItemPlan) -> list[tuple[Region, ...]]:
    return [block.regions for chunk in plan.chunks for block in chunk.blocks]


def rgb_of(path: Path) -> U8:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def restored_alone(pictures: U8, masks: Bool, job: JobConfig) -> U8:
    """What the engine makes of frames that show a region and nothing else."""
    flows = decode_flow(encode_flow(*build_flow(job, {}).estimate(pictures)))
    grown_masks = np.stack([grown(mask.astype(np.uint8), job.mask.dilation) for mask in masks]).astype(np.bool_)
    return build_engine(job, {}).restore(ArrayShot(pictures, grown_masks, *flows), 0, len(pictures)).frames


def test_holes_far_apart_are_restored_each_from_its_own_region(tmp_path: Path) -> None:
    masks = masks_of(LEFT, RIGHT)
    add_item(tmp_path, masks, pix_fmt="bgr0")
    job = lossless_job(tmp_path)
    regions = Region(0, 0, 192, 256), Region(448, 192, 640, 384)
    assert regions_in(plan_of(tmp_path, job)) == [regions]
    finish(job)
    source, restored = rgb_of(tmp_path / "in/clip.mkv"), rgb_of(tmp_path / "out/clip.mkv")
    for region in regions:
        part = (slice(None), *region.inside)
        assert np.array_equal(restored[part], restored_alone(source[part], masks[part], job))
        source[part] = restored[part]
    assert np.array_equal(restored, source), "something else has changed"


@pytest.fixture(scope="module")
def short_halo() -> Iterator[None]:
    """So that blocks of a few frames see different ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagation_engine, "HALO_FRAMES", 2)
        yield


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory, short_halo: None) -> Moving:
    """A clip whose hole moves on from block to block, and what became of it, a chunk a block."""
    folder = tmp_path_factory.mktemp("moving")
    add_item(folder, masks_of(LEFT, frames=12, size=(960, 192), speed=40))
    job = lossless_job(folder, block_length=4, overlap=1, chunk_length=1)
    job.process.max_side = 900
    summary, rows = finish(job)
    assert (summary.exit_status, rows["clip"].chunks_computed) == (0, 3)
    return folder, job, rows["clip"]


def test_a_hole_that_moves_on_has_other_regions_later(moving: Moving) -> None:
    folder, job, _ = moving
    plan = plan_of(folder, job)
    first, second, third = Region(0, 0, 512, 192), Region(0, 0, 640, 192), Region(64, 0, 704, 192)
    assert regions_in(plan) == [(first,), (second,), (third,)]
    pairs = {segment.region: (segment.start, segment.stop) for segment in plan.segments}
    assert pairs == {first: (0, 6), second: (1, 10), third: (5, 11)}, "no more pairs than its blocks see"


def test_chunks_of_any_length_give_the_same_bytes(moving: Moving) -> None:
    folder, job, _ = moving
    finish(replace(job, out=str(folder / "one"), plan=replace(job.plan, chunk_length=1000)))
    one, three = (planes(folder / out / "clip.mkv") for out in ("one", "out"))
    assert np.array_equal(one, three)


def test_flow_of_a_region_is_found_again_by_a_run_whose_holes_lie_there(
    moving: Moving,
) -> None:
    folder, job, first = moving
    assert first.flow["computed"] == 3
    store = replace(job.store, flow=str(folder / "out/_reelmend/store"))
    _, rows = finish(replace(job, out=str(folder / "other"), store=store, mask=replace(job.mask, dilation=2)))
    assert rows["clip"].flow["found"] == 3
    assert "computed" not in rows["clip"].flow


def test_the_key_of_flow_holds_the_region() -> None:
    whole, part, other = (Segment(0, 0, 40, region) for region in (None, LEFT, RIGHT))
    keys = {segment_key("video", segment, (20, 16), "dis") for segment in (whole, part, other)}
    assert len(keys) == 3


def test_canvases_are_worked_on_whole(tmp_path: Path) -> None:
    job = lossless_job(tmp_path)
    assert works_in_regions(job)
    assert not works_in_regions(replace(job, mode=Mode.outpaint))
