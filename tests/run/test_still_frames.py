"""Runs of equal frames are restored once by the networks: the picture is that of the distinct frames, repeated."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from reelmend import restore
from reelmend.core_model.networks.generator_encoder import GeneratorEncoder
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.networks.transformer import Transformer
from reelmend.pipelines.choices import StillFrames
from reelmend.pipelines.config import JobConfig, ProPainterConfig
from tests.clips import scene, write_clip, write_mask_image
from tests.jobs import finish, lossless_job, planes

pytestmark = pytest.mark.usefixtures("networks_read_once")

U8 = NDArray[np.uint8]
SCHEDULE: dict[str, object] = {"subvideo_length": 2, "neighbor_length": 2, "ref_stride": 2, "raft_iterations": 1}
FRAMES = 3
"""Distinct ones."""


@pytest.fixture(scope="module")
def clip() -> U8:
    return scene(FRAMES, (48, 32))


@pytest.fixture(scope="module")
def hole() -> NDArray[np.bool_]:
    mask = np.zeros((32, 48), np.bool_)
    mask[12:20, 16:28] = True
    return mask


@pytest.fixture
def restored(hole: NDArray[np.bool_], weights: dict[str, str]) -> Callable[..., U8]:
    def run(frames: U8, **settings: object) -> U8:
        networks = {f"propainter.{name}": value for name, value in {**weights, **SCHEDULE, "precision": "fp32"}.items()}
        chosen: Mapping[str, object] = {
            **networks,
            "flow.segment_length": 3,
            "plan.shots": False,
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        return restore(frames, hole, "propainter", settings=chosen)

    return run


@pytest.fixture
def seen() -> Iterator[Counter[str]]:
    """How many pairs and frames went into each network: of the transformer, with the references of each window."""
    counts: Counter[str] = Counter()

    def count(module: nn.Module, inputs: tuple[Any, ...], _: object) -> None:
        match module:
            case Raft():
                counts["pairs"] += inputs[0].shape[1] - 1
            case GeneratorEncoder():
                counts["frames"] += len(inputs[0])
            case Transformer():
                counts["frames of windows"] += inputs[0].shape[1]

    hook = register_module_forward_hook(count)
    yield counts
    hook.remove()


def test_a_clip_on_twos_is_its_distinct_frames_restored_and_repeated_for_half_the_work(
    clip: U8, restored: Callable[..., U8], seen: Counter[str]
) -> None:
    once = restored(clip)
    half = seen.copy()
    seen.clear()
    twos = np.repeat(clip, 2, 0)
    assert np.array_equal(restored(twos, process__still_frames="equal"), np.repeat(once, 2, 0))
    assert seen == half == {"pairs": 2, "frames": 3, "frames of windows": 7}
    seen.clear()
    off = restored(twos)
    assert seen["pairs"] == 5
    assert all(half[what] <= 0.6 * seen[what] for what in half)
    assert not np.array_equal(off, np.repeat(once, 2, 0)), "the schedule is that of other frames"


def test_sixty_identical_frames_cost_what_one_costs(clip: U8, restored: Callable[..., U8], seen: Counter[str]) -> None:
    sixty = restored(np.repeat(clip[:1], 60, 0), process__still_frames="equal")
    assert seen == {"frames": 1, "frames of windows": 1}
    assert (sixty == sixty[0]).all()


def test_blocks_of_the_engine_without_networks_are_cross_faded_over_distinct_frames(hole: NDArray[np.bool_]) -> None:
    settings = {"plan.block_length": 8, "plan.overlap": 2, "plan.shots": False}
    clip = scene(12, (48, 32))
    once = restore(clip, hole, settings=settings)
    uneven = [1, 1, 3, 2, 1, 4, 1, 2, 1, 1, 2, 1]  # blocks meet between the sixth picture and the seventh
    found = restore(np.repeat(clip, uneven, 0), hole, settings=settings | {"process.still_frames": "equal"})
    assert np.array_equal(found, np.repeat(once, uneven, 0))


def job_of(folder: Path, weights: dict[str, str], mode: StillFrames) -> JobConfig:
    job = lossless_job(folder)
    job.engine = "propainter"
    job.flow.segment_length = 3
    job.process.still_frames = mode
    job.propainter = ProPainterConfig(**weights, **SCHEDULE, precision="fp32")  # type: ignore[arg-type]
    return job


@pytest.mark.slow
def test_the_switch_recomputes_no_part_and_no_flow_of_a_clip_that_repeats_nothing(
    tmp_path: Path, clip: U8, hole: NDArray[np.bool_], weights: dict[str, str]
) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mkv", len(clip), codec="ffv1", pictures=clip)
    write_mask_image(tmp_path / "in/clip_mask.png", hole)
    finish(job_of(tmp_path, weights, StillFrames.off))
    before = planes(tmp_path / "out/clip.mkv")
    _, rows = finish(job_of(tmp_path, weights, StillFrames.equal))
    row = rows["clip"]
    assert (row.tasks_computed, row.tasks_reused) == (2, 2), "probe and stitch; flow and chunk are there"
    assert "frames_repeated" not in row.facts
    assert np.array_equal(planes(tmp_path / "out/clip.mkv"), before)
