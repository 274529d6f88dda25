"""A draft without networks, then networks for the blocks that score low, and nothing else.

Networks have the released shapes and weights drawn from their names: what counts here is which frames they restore.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import reelmend
from reelmend.pipelines.choices import Precision
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import JobConfig, ProPainterConfig
from reelmend.pipelines.engines.propagation import Propagation
from reelmend.pipelines.engines.registry import refine_below, register_engine, unregister_engine
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import dump_job, load_job
from reelmend.pipelines.run.draft import as_draft, as_refined
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from tests.clips import moving_box, scene, write_clip, write_mask_image, write_mask_video
from tests.jobs import finish, lossless_job, planes

pytestmark = pytest.mark.usefixtures("networks_read_once")

FRAMES, BLOCK, OVERLAP = 12, 4, 1


def base_job(folder: Path, weights: dict[str, str], out: str, chunk_length: int = BLOCK) -> JobConfig:
    """Two clips of three blocks: what the hole of `hidden` covers no frame shows, that of `shown` other frames do."""
    job = lossless_job(folder, out, block_length=BLOCK, overlap=OVERLAP, chunk_length=chunk_length)
    job.input.videos = [str(folder / "in" / f"{name}.mp4") for name in ("hidden", "shown")]
    job.engine = "propainter"
    job.process.max_side = 48
    job.propainter = ProPainterConfig(
        raft=weights["raft"],
        flow_completion=weights["flow_completion"],
        generator=weights["generator"],
        subvideo_length=6,
        neighbor_length=4,
        ref_stride=3,
        raft_iterations=1,
        precision=Precision.fp32,
    )
    return job


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("draft")
    (folder / "in").mkdir()
    moving = moving_box(FRAMES, box=(12, 12), speed=5)
    write_mask_video(folder / "in" / "shown_mask.mkv", moving, codec="ffv1")
    pictures = np.where(moving[..., None], np.uint8(255), np.repeat(scene(1), FRAMES, axis=0))
    write_clip(folder / "in" / "shown.mp4", frames=FRAMES, pictures=pictures)
    hole = moving_box(1)[0]
    pictures = np.where(hole[..., None], np.uint8(255), np.repeat(scene(1), FRAMES, axis=0))
    pictures[:BLOCK, ::2] = 0  # the first block is restless, so that blocks of one clip score differently
    pictures[1 : BLOCK - 1] = 255 - pictures[1 : BLOCK - 1]
    write_clip(folder / "in" / "hidden.mp4", frames=FRAMES, pictures=pictures)
    write_mask_image(folder / "in" / "hidden_mask.png", hole)
    return folder


def facts_of(row: ItemRow) -> ItemFacts:
    return ItemFacts.from_map(row.facts)


def pixels(job: JobConfig, name: str) -> list[np.ndarray]:
    return planes(Path(job.out) / f"{name}.mkv")


def same(ones: list[np.ndarray], others: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(one, other) for one, other in zip(ones, others, strict=True)]


@pytest.mark.slow
def test_the_networks_restore_the_blocks_that_score_low_and_nothing_else(folder: Path, weights: dict[str, str]) -> None:
    job = base_job(folder, weights, "out")
    _, rows = finish(as_draft(job))
    draft = {name: pixels(job, name) for name in rows}
    lowest = {name: facts_of(row).quality_lowest_block for name, row in rows.items()}
    assert {facts_of(row).engine for row in rows.values()} == {"propagation"}
    assert lowest["hidden"] is not None
    assert lowest["shown"] is not None
    assert lowest["hidden"] < lowest["shown"]
    untouched = (folder / "out" / "shown.mkv").stat()

    job.refine.below = lowest["hidden"] + 0.0001
    summary, rows = finish(as_refined(job))
    facts = facts_of(rows["hidden"])
    assert (facts.engine, facts.blocks, facts.refined_blocks, facts.refined_by) == ("auto", 3, 1, "propainter")
    assert facts.refined_frames is not None
    first, last = (int(number) for number in facts.refined_frames.split("-"))
    assert last - first + 1 == BLOCK
    assert facts.quality_before is not None
    assert facts.quality_gained is not None
    assert facts.quality_score is not None
    assert facts.quality_gained == pytest.approx(facts.quality_score - facts.quality_before, abs=1e-4)
    assert set(facts.weights) == {"raft", "flow_completion", "generator"}
    # Only the frames of that block, and those it is faded into, have changed; the other two chunks were in the store.
    faded = range(first - OVERLAP, last + 1 + OVERLAP)
    assert same(draft["hidden"], pixels(job, "hidden")) == [frame not in faded for frame in range(FRAMES)]
    assert (rows["hidden"].chunks_computed, rows["hidden"].chunks_reused) == (1, 2)
    # The other clip was not even opened.
    assert (rows["shown"].reused, summary.finished_earlier) == (True, 1)
    assert (folder / "out" / "shown.mkv").stat() == untouched
    assert summary.refined == {
        "items": 1,
        "blocks": 1,
        "of_blocks": 6,
        "by": "propainter",
        "before": facts.quality_before,
        "after": facts.quality_score,
    }

    again, rows = finish(as_refined(job))
    assert (again.finished_earlier, again.tasks_computed, again.refined) == (2, 0, summary.refined)

    # Making drafts again, of new clips perhaps, leaves what was refined as it is; a job of that engine does not.
    refined = pixels(job, "hidden")
    for resumed in (False, True):
        drafts = load_job(Path(job.out) / "_reelmend/config.yaml") if resumed else as_draft(job)
        kept, _ = finish(drafts)
        assert (kept.engine, kept.finished_earlier, kept.tasks_computed) == ("propagation", 2, 0)
        assert all(same(refined, pixels(job, "hidden")))
    plain, _ = finish(replace(job, engine="propagation"))
    assert (plain.finished_earlier, plain.chunks_computed) == (1, 0)
    assert all(same(draft["hidden"], pixels(job, "hidden")))

    # What the store holds of both engines is stitched again, and a part that is lost is computed alone.
    summary, rows = finish(as_refined(job))
    assert (summary.chunks_computed, rows["hidden"].chunks_reused) == (0, 3)
    assert all(same(refined, pixels(job, "hidden")))


def test_arrays_are_restored_by_both_engines_too(weights: dict[str, str]) -> None:
    masks = moving_box(5, box=(12, 12), speed=5)
    frames = np.where(masks[..., None], np.uint8(255), scene(5))
    networks: dict[str, object] = {f"propainter.{name}": file for name, file in weights.items()}
    networks |= {"propainter.raft_iterations": 1, "propainter.precision": "fp32", "process.max_side": 48}
    by_networks = reelmend.restore(frames, masks, "propainter", settings=networks)
    refined = reelmend.restore(frames, masks, "auto", settings=networks | {"refine.below": 1.0})
    drafted = reelmend.restore(frames, masks, "auto", settings=networks | {"refine.below": 0.0})
    assert np.array_equal(refined, by_networks)
    assert np.array_equal(drafted, reelmend.restore(frames, masks, settings={"process.max_side": 48}))
    assert not np.array_equal(drafted, refined)


def test_a_refinement_that_finds_nothing_to_do_says_so(folder: Path, weights: dict[str, str], tmp_path: Path) -> None:
    job = base_job(folder, weights, "good")
    job.refine.below = 0.01
    (tmp_path / "job.yaml").write_text(dump_job(job))
    said = [CliRunner().invoke(app, ["run", str(tmp_path / "job.yaml"), option]) for option in ("--draft", "--refine")]
    assert [result.exit_code for result in said] == [0, 0]
    assert "No block scores below refine.below=0.01: nothing was refined." in said[1].stdout
    assert "An earlier run finished every item" in said[1].stdout
    assert yaml.safe_load((folder / "good" / "_reelmend" / "config.yaml").read_text())["engine"] == "auto"


def test_the_bound_is_that_of_the_review_unless_it_is_set(folder: Path, weights: dict[str, str]) -> None:
    job = base_job(folder, weights, "bound")
    job.quality.review_below = 0.7
    assert refine_below(job) == 0.7
    job.refine.below = 0.2
    assert refine_below(job) == 0.2


def test_both_options_at_once_and_engines_without_drafts_are_refused(folder: Path, weights: dict[str, str]) -> None:
    result = CliRunner().invoke(app, ["run", "--draft", "--refine", "--videos", str(folder / "in" / "shown.mp4")])
    assert result.exit_code == 2
    assert "--draft and --refine are two runs" in result.stderr
    plugin = base_job(folder, weights, "plugin")

    class Other(Propagation):
        name = "other"

    register_engine(Other())
    try:
        with pytest.raises(ConfigError, match="--refine: is for the engines auto, propagation, propainter"):
            as_refined(replace(plugin, engine="other"))
    finally:
        unregister_engine("other")
