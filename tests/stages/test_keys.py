"""A key changes when any one ingredient of what it names changes, and stays when none does.

Probe, flow and part are asked for by the real stages over real clips; a store notes under which keys, and answers at
once. A setting that is missing in both tables below fails the last test: whoever adds one says what it changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.core_model.regions import Region
from reelmend.pipelines.choices import (
    Chroma,
    Codec,
    Mode,
    NothingFound,
    OutOfMemory,
    Precision,
    Sound,
    StillFrames,
    TextKind,
    TextShape,
    WorkRegion,
)
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.weights.find import WeightFile
from reelmend.pipelines.media.masks.item_mask import recipe_of
from reelmend.pipelines.stages.digests import see, see_mask
from reelmend.pipelines.stages.finished import record_finished
from reelmend.pipelines.stages.flow import flow
from reelmend.pipelines.stages.inpaint import inpaint
from reelmend.pipelines.stages.parts import encode_part, part_key
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache.codec import encode_flow
from reelmend.pipelines.tasks import Block, FlowTask, InpaintTask, Item, ProbeTask
from tests.clips import moving_box, scene, write_clip, write_images, write_mask_image

FRAMES = 6
EVERYTHING = {"probe", "flow", "part", "output"}

Change = Callable[["Case"], Any]


class Answers(Store):
    """Notes every key that is asked for; flow and parts are there, whichever they are."""

    def __init__(self, root: Path, files: Files) -> None:
        super().__init__(root, files)
        self.asked: set[str] = set()

    def get(self, key: str) -> bytes | None:
        self.asked.add(key)
        if key.startswith("flow/"):
            return encode_flow(np.zeros((1, 2, 4, 4)), np.zeros((1, 2, 4, 4)))
        return encode_part([]) if key.startswith("parts/") else super().get(key)

    def keys(self, folder: str) -> frozenset[str]:
        return frozenset(key for key in self.asked if key.startswith(folder))


@dataclass
class Case:
    """An item and its job, to be changed in one respect."""

    folder: Path
    job: JobConfig
    item: Item
    weights: dict[str, WeightFile]

    @property
    def video(self) -> Path:
        assert isinstance(self.item.video, Path)
        return self.item.video

    @property
    def mask(self) -> Path:
        assert isinstance(self.item.mask, Path)
        return self.item.mask

    def keys(self) -> dict[str, object]:
        worker_context = WorkerContext(RunContext("run", self.job, self.weights))
        root, output = worker_context.store.root, self.item.output
        assert isinstance(root, Path)
        assert isinstance(output, Path)
        worker_context.store = worker_context.flow_store = store = Answers(root, worker_context.files)
        plan = probe(ProbeTask(self.item), worker_context).plan
        assert plan is not None
        for segment in plan.segments:
            flow(FlowTask(self.item, plan, segment), worker_context)
        for chunk in plan.chunks:
            inpaint(InpaintTask(self.item, plan, chunk), worker_context)
        output.parent.mkdir(exist_ok=True)
        output.touch()
        video, mask = see(self.item.video, worker_context), see_mask(self.item, worker_context)
        assert video is not None
        assert mask is not None
        done = record_finished(self.item, "restored", output, (video, mask), "", {}, worker_context)
        output.unlink()  # the next probe finds nothing finished
        found = {"probe": store.keys("probes/"), "flow": store.keys("flow/"), "part": store.keys("parts/")}
        return found | {"output": done.key}

    def changed_by(self, change: Change) -> set[str]:
        before = self.keys()
        change(self)
        after = self.keys()
        return {name for name in before if before[name] != after[name]}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    (tmp_path / "in").mkdir()
    video = write_clip(tmp_path / "in/clip.mkv", FRAMES, codec="ffv1", audio=False)
    mask = write_mask_image(tmp_path / "in/mask.png", moving_box(1)[0])
    weights = {
        name: WeightFile(Path(name), name * 8, "none", name) for name in ("raft", "flow_completion", "generator")
    }
    job = JobConfig(out=str(tmp_path / "out"))
    return Case(tmp_path, job, Item("clip", video, mask, tmp_path / "out/clip.mp4"), weights)


def setting(name: str, value: Any) -> Change:
    def change(case: Case) -> None:
        section, _, key = name.rpartition(".")
        setattr(getattr(case.job, section) if section else case.job, key, value)

    return change


def other_content(case: Case) -> None:
    write_clip(case.video, FRAMES, codec="ffv1", audio=False, pictures=scene(FRAMES, seed=1))


def other_mask(case: Case) -> None:
    """As large, in the same region."""
    write_mask_image(case.mask, moving_box(1, box=(10, 8))[0])


PICTURE = {
    "engine": ("propainter", {"flow", "part", "output"}),
    "mode": (Mode.outpaint, {"probe", "part", "output"}),
    "frames": ("1:4", {"output"}),
    "mask.threshold": (90, {"probe", "part", "output"}),
    "mask.dilation": (5, {"probe", "part", "output"}),
    "mask.numbered_from": (1, {"probe", "part", "output"}),
    "mask.invert": (True, {"probe", "part", "output"}),
    "mask.label": (255, {"probe", "part", "output"}),
    "mask.persist": (3, {"probe", "part", "output"}),
    "mask.fade": (1, {"probe", "part", "output"}),
    "mask.nothing_found": (NothingFound.fail, {"output"}),
    "mask.strict": (True, {"output"}),
    "process.region": (WorkRegion.frame, {"part", "output"}),
    "process.region_margin": (64, {"part", "output"}),
    "process.max_side": (48, {"flow", "part", "output"}),
    "process.still_frames": (StillFrames.equal, {"probe", "output"}),  # of a clip that repeats nothing
    "flow.method": ("farneback", {"flow", "part", "output"}),
    "flow.max_side": (64, {"flow", "part", "output"}),
    "flow.segment_length": (3, {"flow"}),
    "plan.shots": (False, {"probe", "part", "output"}),
    "plan.shot_threshold": (4.0, {"probe", "part", "output"}),
    "plan.block_length": (81, {"part", "output"}),
    "plan.overlap": (6, {"part", "output"}),
    "stitch.codec": (Codec.ffv1, {"output"}),
    "stitch.crf": (17, {"output"}),
    "stitch.speed": ("fast", {"output"}),
    "stitch.chroma": (Chroma.source, {"output"}),
    "stitch.sound": (Sound.convert, {"output"}),
}
"""By setting, another value and the keys that it changes; of engine `propagation`, inpainting."""

OUTPAINTED = {
    "outpaint.scale_w": (1.5, {"probe", "part", "output"}),
    "outpaint.scale_h": (1.5, {"probe", "part", "output"}),
}
NETWORKS = {
    "propainter.raft_iterations": (12, {"flow", "part", "output"}),
    "propainter.precision": (Precision.fp32, {"flow", "part", "output"}),
    "propainter.raft_stop_below": (0.1, {"flow", "part", "output"}),
    "propainter.early_exit": (True, {"part", "output"}),
    "propainter.tf32": (False, {"flow", "part", "output"}),
    "propainter.subvideo_length": (40, {"part", "output"}),
    "propainter.neighbor_length": (8, {"part", "output"}),
    "propainter.ref_stride": (5, {"part", "output"}),
}
BY_CONTENT = {
    "process.max_side": (64, {"flow", "probe", "part", "output"}),
    "process.auto_least": (400, {"output"}),
    "process.auto_most": (0, {"output"}),
}
"""Of `process.max_side: auto`: bounds that change no clip's size change no pixel's key."""
HYBRID = {
    "engine": ("propagation", {"output"}),
    "refine.below": (0.4, {"output"}),
    "quality.review_below": (0.9, {"output"}),
    "propainter.raft_iterations": (12, {"output"}),
    "plan.block_length": (81, {"part", "output"}),
}
"""Of engine `auto`, of whose blocks here none scores low: flow and parts are those of `propagation`."""
FOUND = {
    "find.text": TextKind.captions,
    "find.text_shape": TextShape.lines,
    "find.damage_sensitivity": 0.7,
}
"""Of mask sources: see `test_the_recipe_of_a_made_mask_names_what_its_sources_depend_on`."""
INERT = {
    "refine.below": 0.9,
    "refine.keep": True,
    "name": "another",
    "preset": ["fast"],  # its settings count, not its name
    "process.out_of_memory": OutOfMemory.smaller,
    "plan.chunk_length": 120,
    "plan.sample": 7,
    "quality.review_below": 0.9,
    "flow_cache.max_bytes": 10**12,
}


@pytest.mark.parametrize("name", PICTURE)
def test_a_setting_changes_the_keys_of_what_it_changes_and_no_others(case: Case, name: str) -> None:
    value, changes = PICTURE[name]
    assert case.changed_by(setting(name, value)) == changes


def test_the_size_that_pixels_are_restored_at_is_part_of_the_key_by_itself(case: Case) -> None:
    case.job.flow.max_side = 32  # flow stays as large as it was
    assert case.changed_by(setting("process.max_side", 48)) == {"part", "output"}


@pytest.mark.parametrize("name", [field.name for field in fields(Block)])
def test_a_block_that_differs_in_anything_has_a_part_of_its_own(name: str) -> None:
    block = Block(20, 40, 17, 43, 12, 48, 0, 90, (Region(0, 0, 64, 64),))
    other: Any = (Region(64, 0, 128, 64),) if name == "regions" else getattr(block, name) + 1
    assert part_key("digests", block) != part_key("digests", replace(block, **{name: other}))


@pytest.mark.parametrize("name", OUTPAINTED)
def test_the_canvas_is_part_of_the_key(case: Case, name: str) -> None:
    case.job.mode, case.job.outpaint.scale_w, case.job.outpaint.scale_h = Mode.outpaint, 1.25, 1.25
    value, changes = OUTPAINTED[name]
    assert case.changed_by(setting(name, value)) == changes


@pytest.mark.parametrize("name", NETWORKS)
def test_a_setting_of_the_networks_changes_the_keys_of_what_it_changes(case: Case, name: str) -> None:
    case.job.engine = "propainter"
    value, changes = NETWORKS[name]
    assert case.changed_by(setting(name, value)) == changes


@pytest.mark.parametrize("name", BY_CONTENT)
def test_a_size_that_content_chooses_is_part_of_the_key_through_the_size(case: Case, name: str) -> None:
    case.job.process.max_side = "auto"
    value, changes = BY_CONTENT[name]
    assert case.changed_by(setting(name, value)) == changes


@pytest.mark.parametrize("name", HYBRID)
def test_the_outputs_of_a_hybrid_engine_name_both_of_its_engines_and_the_bound(case: Case, name: str) -> None:
    case.job.engine = "auto"
    value, changes = HYBRID[name]
    assert case.changed_by(setting(name, value)) == changes


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        ("raft", {"flow", "part", "output"}),
        ("flow_completion", {"part", "output"}),
        ("generator", {"part", "output"}),
    ],
)
def test_other_weights_are_another_result(case: Case, network: str, changes: set[str]) -> None:
    case.job.engine = "propainter"
    assert (
        case.changed_by(lambda case: case.weights.update({network: replace(case.weights[network], sha256="0" * 64)}))
        == changes
    )


@pytest.mark.parametrize("name", INERT)
def test_what_changes_no_pixel_changes_no_key(case: Case, name: str) -> None:
    assert case.changed_by(setting(name, INERT[name])) == set()


def test_content_changes_the_keys_and_its_place_and_time_do_not(case: Case) -> None:
    assert case.changed_by(other_content) == EVERYTHING
    assert case.changed_by(other_mask) == {"probe", "part", "output"}, "flow knows no mask"

    def elsewhere(case: Case) -> None:
        video, mask = case.folder / "moved.mkv", case.folder / "moved.png"
        case.video.rename(video)
        case.mask.rename(mask)
        video.touch()
        case.item = replace(case.item, video=video, mask=mask)

    assert case.changed_by(elsewhere) == set()


def test_a_hole_elsewhere_has_flow_and_parts_of_another_region(case: Case) -> None:
    size = (640, 360)
    write_clip(case.video, FRAMES, size, codec="ffv1", audio=False)
    write_mask_image(case.mask, moving_box(1, size, (12, 8))[0])
    case.keys()

    def to_the_corner(case: Case) -> None:
        mask = np.zeros((360, 640), np.bool_)
        mask[4:12, 4:16] = True
        write_mask_image(case.mask, mask)

    assert case.changed_by(to_the_corner) == EVERYTHING


@pytest.mark.parametrize("told", ["manifest", "job"])
def test_the_rate_of_a_folder_of_images_is_part_of_the_key_and_that_of_a_file_is_not(case: Case, told: str) -> None:
    def other_rate(case: Case) -> None:
        if told == "job":
            case.job.input.image_rate = "30"
        else:
            case.item = replace(case.item, fps=30.0)

    assert case.changed_by(other_rate) == set()
    case.item = replace(case.item, fps=None, video=write_images(case.folder / "images", scene(FRAMES)))
    case.job.input.image_rate = "24"
    assert case.changed_by(other_rate) == {"probe", "output"}


@pytest.mark.parametrize(
    ("where", "value", "changes"),
    [
        ("reelmend.pipelines.stages.probe.PROBE_VERSION", 99, {"probe"}),
        ("reelmend.pipelines.storage.flow_cache.keys.FLOW_FORMAT", "steps-99", {"flow"}),
        ("reelmend.pipelines.stages.finished.FLOW_FORMAT", "steps-99", {"part", "output"}),
        ("reelmend.pipelines.stages.parts._FORMAT", 99, {"part"}),
        ("reelmend.pipelines.stages.finished.REGIONS_VERSION", 99, {"part", "output"}),
        ("reelmend.pipelines.stages.finished.MARGIN_PX", 99, {"part", "output"}),
        ("reelmend.pipelines.stages.finished.GRID_PX", 99, {"part", "output"}),
        ("reelmend.pipelines.stages.finished.WHOLE_FROM", 0.99, {"part", "output"}),
        ("reelmend.pipelines.stages.finished.DETAIL_VERSION", 99, set()),
        ("reelmend.pipelines.stages.finished.REFINEMENT_VERSION", 99, set()),
    ],
)
def test_a_raised_version_makes_the_old_ones_be_found_no_more(
    case: Case, monkeypatch: pytest.MonkeyPatch, where: str, value: float | str, changes: set[str]
) -> None:
    assert case.changed_by(lambda _: monkeypatch.setattr(where, value)) == changes


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("reelmend.core_model.flow.dis.DisFlow.digest", {"flow", "part", "output"}),
        ("reelmend.core_model.propagation.engine.PropagationEngine.digest", {"part", "output"}),
    ],
)
def test_what_computes_names_itself_in_the_key(
    case: Case, monkeypatch: pytest.MonkeyPatch, where: str, changes: set[str]
) -> None:
    assert case.changed_by(lambda _: monkeypatch.setattr(where, "of the next version")) == changes


def test_every_setting_is_said_to_change_the_picture_or_not_to() -> None:
    elsewhere = ("input", "limits", "run", "pools", "cost", "store", "s3", "metrics", "log")
    weights = {"propainter.raft", "propainter.flow_completion", "propainter.generator"}
    """Named by their content, above."""
    by_time_alone = {
        "device",
        "propainter.attention",
        "propainter.compile",
        "propainter.cuda_graphs",
        "propainter.window_batch",
        "out",
        "output",
        "flow_cache.max_bytes",
        "on_gpu_error",
    }
    known = {*PICTURE, *OUTPAINTED, *NETWORKS, *BY_CONTENT, *HYBRID, *FOUND, *INERT, *weights, *by_time_alone}
    assert {name for name in leaves(JobConfig()) if name.split(".")[0] not in elsewhere} == known


@pytest.mark.parametrize("name", FOUND)
def test_the_recipe_of_a_made_mask_names_what_its_sources_depend_on(case: Case, name: str) -> None:
    source = "damage" if "damage" in name else "text"
    item, plain = replace(case.item, mask=None, mask_expression=source), case.item
    recipe, of_plain = recipe_of(item, case.job), recipe_of(plain, case.job)
    other_source = recipe_of(replace(item, mask_expression="overlay"), case.job)
    setting(name, FOUND[name])(case)
    assert recipe_of(item, case.job) != recipe
    assert recipe_of(plain, case.job) == of_plain == ""
    assert recipe_of(replace(item, mask_expression="overlay"), case.job) == other_source != recipe


def leaves(value: Any, name: str = "") -> list[str]:
    if not is_dataclass(value):
        return [name]
    found = [(f"{name}.{field.name}" if name else field.name, getattr(value, field.name)) for field in fields(value)]
    return [leaf for inner, part in found for leaf in leaves(part, inner)]
