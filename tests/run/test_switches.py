"""Whichever way to compute less is on: chunks, a death halfway and the executor change no byte of the result.

Networks have the released shapes and weights drawn from their names; they are read once for all runs of this module.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch

from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.draft import as_draft, as_refined
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from tests import deaths
from tests.clips import U8, Bool, scene, write_clip, write_mask_video
from tests.jobs import finish
from tests.released import with_test_weights

pytestmark = [
    pytest.mark.usefixtures("networks_read_once"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),  # of processes that die
]

Settings = dict[str, Any]
SIZE = (48, 32)
TWICE = [1, 2, 1, 2, 1]
"""How often each picture of the clips that repeat some is shown."""
PROPAINTER: Settings = {"engine": "propainter"}
EQUAL: Settings = {"process.still_frames": "equal"}
NOISE: Settings = {"process.still_frames": "noise"}
HOLE: Settings = {"process.region": "hole"}
SMALL: Settings = {"process.max_side": "auto", "process.auto_least": 24}
EXIT: Settings = {"propainter.early_exit": True, "propainter.flow_completion": "STILL"}
STOP: Settings = {"propainter.raft_stop_below": 1000.0, "propainter.raft_iterations": 2}
MIXED: Settings = {
    "propainter.precision": {"raft": "fp32", "encoder": "bf16", "transformer": "fp32", "decoder": "bf16"}
}
EVERY_BLOCK: Settings = {"engine": "auto", "refine.below": 1.0}


class Switch(NamedTuple):
    """A job with something on, and what its row says then."""

    clip: str
    settings: Settings
    is_on: Callable[[ItemRow], bool] = lambda row: True


def _repeats(row: ItemRow) -> bool:
    return facts_of(row).frames_repeated == 2


SWITCHES = {
    "nothing": Switch("pan", PROPAINTER),
    "early exit": Switch("still", PROPAINTER | EXIT, lambda row: bool(facts_of(row).windows_exited)),
    "raft stops": Switch("pan", PROPAINTER | STOP, lambda row: row.flow["iterations_skipped"] == 4),
    "equal frames, networks": Switch("twos", PROPAINTER | EQUAL, _repeats),
    "equal frames": Switch("twos", EQUAL, _repeats),
    "noise, networks": Switch("noisy", PROPAINTER | NOISE, _repeats),
    "noise": Switch("noisy", NOISE, _repeats),
    "regions and equal frames": Switch(
        "far",
        PROPAINTER | HOLE | EQUAL | {"propainter.subvideo_length": 2},
        lambda row: facts_of(row).frames_repeated == 1 and float(row.facts["worked_restored"]) < 0.7,
    ),
    "both engines and equal frames": Switch(
        "twos", EVERY_BLOCK | EQUAL, lambda row: _repeats(row) and facts_of(row).refined_blocks == 2
    ),
    "flow without networks": Switch("pan", PROPAINTER | {"flow.method": "dis"}),
    "another flow": Switch("pan", {"flow.method": "farneback"}),
    "size by content": Switch("soft", SMALL, lambda row: facts_of(row).restored_side == 24),
    "number formats": Switch("pan", PROPAINTER | MIXED),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, weights: dict[str, str]) -> Path:
    """Clips in in/, and weights of a flow completion that says of every hole that nothing moves there."""
    folder = tmp_path_factory.mktemp("switches")
    (folder / "in").mkdir()
    pan, hole = scene(5, SIZE), box(5, SIZE, 16, 12)
    twos = np.repeat(pan, TWICE, 0)
    noise = np.random.default_rng(0).integers(-1, 2, twos.shape)
    far = np.zeros((4, 128, 448), np.bool_)
    far[:, 60:68, 40:56], far[3:, 50:58, 400:416] = True, True
    write_item(folder, "pan", pan, hole)
    write_item(folder, "twos", twos, np.repeat(hole, TWICE, 0))
    write_item(folder, "noisy", (twos + noise).clip(0, 255).astype(np.uint8), np.repeat(hole, TWICE, 0))
    write_item(folder, "far", np.repeat(scene(3, (448, 128)), [1, 2, 1], 0), far)
    write_item(
        folder, "still", np.repeat(pan[:1], 5, 0), np.concatenate([box(1, SIZE, 2 + 9 * t, 8) for t in range(5)])
    )
    write_item(folder, "soft", np.stack([cv2.GaussianBlur(picture, (0, 0), 12) for picture in pan]), hole)
    completion = with_test_weights(FlowCompletion())
    last = completion.upsample[2].conv
    assert isinstance(last, torch.nn.Conv2d)
    last.weight.zero_()
    assert last.bias is not None
    last.bias.zero_()
    torch.save(completion.state_dict(), folder / "still.pth")
    return folder


def box(frames: int, size: tuple[int, int], left: int, side: int) -> Bool:
    masks = np.zeros((frames, size[1], size[0]), np.bool_)
    masks[:, 10 : 10 + side, left : left + side] = True
    return masks


def write_item(folder: Path, name: str, pictures: U8, masks: Bool) -> None:
    write_clip(folder / f"in/{name}.mkv", codec="ffv1", audio=False, pix_fmt="bgr0", pictures=pictures)
    write_mask_video(folder / f"in/{name}_mask.mkv", masks, codec="ffv1")


def job_of(
    folder: Path, weights: dict[str, str], out: str, settings: Settings, clip: str = "", chunk_length: int = 1000
) -> JobConfig:
    """A job with one clip, or with those of its manifest, in two blocks."""
    base: Settings = {
        "out": str(folder / out),
        "input.masks": str(folder / "in/{stem}_mask.mkv"),
        "mask.dilation": 0,
        "plan.shots": False,
        "plan.block_length": 4,
        "plan.overlap": 1,
        "plan.chunk_length": chunk_length,
        "flow.segment_length": 3,
        "stitch.codec": "ffv1",
        "run.executor": "inline",
        "run.workers": 1,
    }
    networks = {f"propainter.{name}": file for name, file in weights.items()} | {
        "propainter.subvideo_length": 3,
        "propainter.neighbor_length": 2,
        "propainter.ref_stride": 2,
        "propainter.raft_iterations": 1,
        "propainter.precision": "fp32",
    }
    videos = {"input.videos": [str(folder / f"in/{clip}.mkv")]} if clip else {}
    chosen = {key: str(folder / "still.pth") if value == "STILL" else value for key, value in settings.items()}
    return load_job(flags={**base, **networks, **videos, **chosen})


def facts_of(row: ItemRow) -> ItemFacts:
    return ItemFacts.from_map(row.facts)


def parts_of(job: JobConfig) -> dict[Path, int]:
    """When each part in the store was written."""
    return {
        path: path.stat().st_mtime_ns for path in Path(job.out).glob("_reelmend/store/parts/**/*") if path.is_file()
    }


def die_after_the_first_part(job: JobConfig) -> dict[Path, int]:
    """Run the job until it has written a part, and return which it had."""
    before = parts_of(job)
    Path(job.out).mkdir(exist_ok=True)
    with deaths.process(Path(job.out), dies_after=Path(job.out) / "_reelmend/store/parts") as process:
        run_job(job, SilentDisplay())
    assert process.dead
    parts = parts_of(job)
    assert len(parts) == len(before) + 1
    return parts


@pytest.mark.parametrize("name", SWITCHES)
def test_chunks_and_a_death_after_the_first_part_change_nothing(
    name: str, folder: Path, weights: dict[str, str], tmp_path: Path
) -> None:
    switch = SWITCHES[name]
    whole = job_of(folder, weights, str(tmp_path / "whole"), switch.settings, switch.clip)
    _, rows = finish(whole)
    [row] = rows.values()
    assert switch.is_on(row)
    assert row.chunks_planned == 1

    pieces = job_of(folder, weights, str(tmp_path / "pieces"), switch.settings, switch.clip, chunk_length=1)
    parts = die_after_the_first_part(pieces)
    summary, rows = finish(pieces)
    [row] = rows.values()
    assert (summary.exit_status, row.chunks_planned) == (0, 2)
    assert parts.items() <= parts_of(pieces).items(), "a part is never computed twice"
    assert (tmp_path / "pieces" / f"{switch.clip}.mkv").read_bytes() == (
        tmp_path / "whole" / f"{switch.clip}.mkv"
    ).read_bytes()


def test_where_every_block_scores_low_the_result_is_that_of_the_networks(
    folder: Path, weights: dict[str, str], tmp_path: Path
) -> None:
    """Neighbouring blocks of the networks hold the same pixels where they overlap, so that no seam is left."""
    found = []
    for name, settings in {"networks": PROPAINTER, "both": EVERY_BLOCK}.items():
        job = job_of(folder, weights, str(tmp_path / name), settings | EQUAL, "twos")
        _, rows = finish(job)
        found.append((tmp_path / name / "twos.mkv").read_bytes())
    facts = facts_of(rows["twos"])
    assert (facts.refined_frames, facts.refined_blocks, facts.blocks) == ("0-6", 2, 2)
    assert found[0] == found[1]


def test_a_draft_and_a_refinement_that_die_are_finished_by_the_same_commands(
    folder: Path, weights: dict[str, str], tmp_path: Path
) -> None:
    below = {"quality.review_below": 0.0} | EQUAL
    straight = job_of(folder, weights, str(tmp_path / "straight"), below | {"engine": "propagation"}, "twos")
    _, rows = finish(straight)
    lowest = facts_of(rows["twos"]).quality_lowest_block
    assert lowest is not None

    job = job_of(folder, weights, str(tmp_path / "out"), below | PROPAINTER, "twos", chunk_length=1)
    job.refine.below = lowest + 0.0001
    drafted = die_after_the_first_part(as_draft(job))
    finish(load_job(tmp_path / "out/_reelmend/config.yaml"))
    draft = (tmp_path / "out/twos.mkv").read_bytes()
    assert draft == (tmp_path / "straight/twos.mkv").read_bytes()
    drafts = parts_of(job)
    assert drafted.items() < drafts.items()

    refined = die_after_the_first_part(as_refined(job))
    assert (tmp_path / "out/twos.mkv").read_bytes() == draft, "it is there until its refinement is complete"
    summary, rows = finish(as_refined(job))
    facts = facts_of(rows["twos"])
    assert (summary.exit_status, facts.refined_blocks, facts.blocks) == (0, 1, 2)
    assert drafts.items() < refined.items() == parts_of(job).items()

    whole = job_of(folder, weights, str(tmp_path / "whole"), below | {"engine": "auto"}, "twos")
    whole.refine.below = job.refine.below
    finish(whole)
    assert (tmp_path / "out/twos.mkv").read_bytes() == (tmp_path / "whole/twos.mkv").read_bytes() != draft


@pytest.mark.ray
@pytest.mark.slow
def test_ray_and_this_process_give_the_same_bytes_with_all_of_them_on(
    folder: Path, weights: dict[str, str], tmp_path: Path, on_cluster: str
) -> None:
    """Two workers on two CPUs compute with one thread each, as this process does."""
    networks = EVERY_BLOCK | EXIT | STOP | MIXED, {"twos": EQUAL, "noisy": NOISE, "still": {}}
    none = {"flow.method": "farneback"}, {"twos": EQUAL, "noisy": NOISE, "far": HOLE | EQUAL, "soft": SMALL}
    for settings, items in (networks, none):
        rows = [
            {"video": f"in/{name}.mkv", "mask": f"in/{name}_mask.mkv", "overrides": own} for name, own in items.items()
        ]
        (folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        job = {"input.manifest": str(folder / "items.jsonl"), "input.masks": None, "run.workers": 2} | settings
        outputs = []
        for executor in ("inline", "ray"):
            out = tmp_path / f"{settings.get('engine', 'none')}-{executor}"
            summary, _ = finish(job_of(folder, weights, str(out), job | {"run.executor": executor}))
            assert summary.exit_status == 0
            outputs.append({path.name: path.read_bytes() for path in out.glob("*.mkv")})
        assert len(outputs[0]) == len(items)
        assert outputs[0] == outputs[1]


ALL = {"flow", "inpaint", "stitch"}
DEPENDENCE: dict[str, tuple[Settings, set[str]]] = {
    "chunks": ({"plan.chunk_length": 1}, set()),
    "windows at once": ({"propainter.window_batch": 1}, set()),
    "the engine's own flow by name": ({"flow.method": "raft"}, set()),
    "a bound of the hybrid engine": ({"refine.below": 0.3}, set()),
    "a flow of others": ({"flow.method": "dis"}, ALL),
    "RAFT's end": ({"propainter.raft_stop_below": 1000.0}, ALL),
    "RAFT's format": (
        {"propainter.precision": {"raft": "bf16", "encoder": "fp32", "transformer": "fp32", "decoder": "fp32"}},
        ALL,
    ),
    "the decoder's format": ({"propainter.precision": MIXED["propainter.precision"]}, {"inpaint", "stitch"}),
    "early exit": ({"propainter.early_exit": True}, {"inpaint", "stitch"}),
    "whole frames": ({"process.region": "frame"}, {"inpaint", "stitch"}),
    "equal frames": (EQUAL, ALL),
    "a smaller size": ({"process.max_side": 40}, ALL),
}


@pytest.fixture(scope="module")
def finished(folder: Path, weights: dict[str, str]) -> Path:
    """A finished run of the networks with everything off."""
    finish(job_of(folder, weights, "finished", PROPAINTER, "twos"))
    return folder / "finished"


@pytest.mark.parametrize("name", DEPENDENCE)
def test_a_switch_recomputes_what_depends_on_it_and_nothing_else(
    name: str, finished: Path, folder: Path, weights: dict[str, str], tmp_path: Path
) -> None:
    settings, depends = DEPENDENCE[name]
    before = folder / "before"
    shutil.copytree(finished, before)
    try:
        _, rows = finish(job_of(folder, weights, "finished", PROPAINTER | settings, "twos"))
    finally:
        shutil.rmtree(finished)
        before.rename(finished)
    assert {stage for stage in rows["twos"].work if stage != "probe"} == depends
