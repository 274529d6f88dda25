"""Masks that a run makes from the pictures, with the source that the documentation shows how to add."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.media.masks import expression
from reelmend.pipelines.media.masks.sources import registry
from reelmend.pipelines.storage.ledger import read_ledger
from tests.clips import scene, write_clip
from tests.engines.plugin import install_example

SETTINGS = ["run.executor=inline", "plan.shots=false", "mask.dilation=0", "stitch.codec=ffv1"]
FRAMES = 6


def film() -> NDArray[np.uint8]:
    """Six frames with a green mark in a corner, and in frames 2 and 3 another one."""
    frames = scene(FRAMES)
    frames[..., 1] = np.minimum(frames[..., 1], 180)
    frames[:, 4:14, 6:20] = (0, 255, 0)
    frames[2:4, 40:50, 60:80] = (0, 255, 0)
    return frames


@pytest.fixture(autouse=True)
def _source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "site"
    site.mkdir()
    install_example(site, "add-a-mask-source.md")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    _forget()
    yield
    sys.modules.pop("marks", None)
    _forget()


def _forget() -> None:
    registry._plugins.cache_clear()
    registry.source_names.cache_clear()
    registry.find_source.cache_clear()
    expression.read_expression.cache_clear()


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_clip(Path("a.mkv"), pictures=film(), codec="ffv1", pix_fmt="bgr0", audio=False)


def call(*words: str, status: int = 0) -> str:
    given = " ".join(words)
    result = CliRunner().invoke(app, [*words, *(text for text in SETTINGS if text.partition("=")[0] not in given)])
    assert result.exit_code == status, result.output
    return result.stdout


def run(masks: str, *more: str, out: str = "out", status: int = 0) -> str:
    return call("run", "--videos", "a.mkv", "--masks", masks, "--out", out, *more, status=status)


def pictures(path: str) -> NDArray[np.uint8]:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def green(path: str) -> list[int]:
    """Pixels of pure green in each frame."""
    return [int(count) for count in (pictures(path) == (0, 255, 0)).all(3).sum((1, 2))]


def artifacts(out: str = "out") -> dict[Path, int]:
    """When each made mask was written."""
    return {path: path.stat().st_mtime_ns for path in Path(out, "_reelmend/store/masks").iterdir()}


def test_what_the_source_finds_is_removed_and_nothing_else_changes(clip: Path) -> None:
    run("green")
    assert green("out/a.mkv") == [0] * FRAMES
    marks = (film() == (0, 255, 0)).all(3)
    differs = (pictures("out/a.mkv") != film()).any(3)
    assert (differs == marks).all()
    (row,) = read_ledger(Path("out/_reelmend/ledger"))
    assert row.mask == "green"
    assert "finished every item" in run("green")


@pytest.mark.parametrize(
    ("masks", "left"),
    [
        ("green:50%,50%,50%,50%", [140] * FRAMES),
        ("green@2:3", [140, 140, 0, 340, 140, 140]),
        ("green - box:0,0,30,30", [140] * FRAMES),
        ("green & box:0,0,30,30", [0, 0, 200, 200, 0, 0]),
        ("green:50%,50%,50%,50% + box:6,4,14,10", [0] * FRAMES),
    ],
)
def test_sources_are_limited_and_combined(clip: Path, masks: str, left: list[int]) -> None:
    run(masks)
    assert green("out/a.mkv") == left


def test_a_mask_is_extended_over_time(clip: Path) -> None:
    words = ["--videos", "a.mkv", "--masks", "green:50%,50%,50%,50%", "--out", "masks", "mask.fade=1"]
    call("mask", "make", *words)
    masked = (pictures("masks/a_mask.mkv") == 255).all(3)
    assert masked.sum((1, 2)).tolist() == [0, 200, 200, 200, 200, 0]
    assert masked[1, 40:50, 60:80].all()


def test_a_made_mask_is_kept_and_made_again_only_where_it_depends_on_what_changed(clip: Path) -> None:
    run("green")
    made = artifacts()
    run("green", "mask.dilation=2")
    assert artifacts() == made
    run("green & box:0,0,30,30")
    assert len(artifacts()) == 2


def test_a_made_mask_that_is_gone_is_made_again(clip: Path) -> None:
    run("green")
    first = Path("out/a.mkv").read_bytes()
    for path in artifacts():
        path.unlink()
    Path("out/a.mkv").unlink()
    run("green")
    assert Path("out/a.mkv").read_bytes() == first


def test_a_video_without_anything_to_find_is_copied_or_quarantined(clip: Path) -> None:
    assert "nothing was found by green" in run("green:30%,0,10%,10%")
    assert Path("out/a.mkv").read_bytes() == clip.read_bytes()
    assert "mask.nothing_found=copy" in run("green:30%,0,10%,10%", "mask.nothing_found=fail", status=3)


def test_masks_are_written_and_used_as_files_with_the_same_result(clip: Path) -> None:
    run("green", out="direct")
    assert "finished every item" not in call("mask", "make", "--videos", "a.mkv", "--masks", "green", "--out", "masks")
    run("masks/{stem}_mask.mkv", out="by-video")
    call("mask", "make", "--videos", "a.mkv", "--masks", "green", "--out", "images", "stitch.codec=png")
    run("images/{stem}_mask", out="by-images")
    direct = Path("direct/a.mkv").read_bytes()
    assert direct == Path("by-video/a.mkv").read_bytes() == Path("by-images/a.mkv").read_bytes()
    assert "finished every item" in call("mask", "make", "--videos", "a.mkv", "--masks", "green", "--out", "masks")


@pytest.mark.parametrize(("rotation", "size"), [(180, (96, 64)), (90, (64, 64)), (90, (96, 64))])
def test_masks_of_a_turned_video_are_used_as_files_with_the_same_result(
    clip: Path, rotation: int, size: tuple[int, int]
) -> None:
    """A square that is turned by a quarter looks the same as one that is not, but for where its hole is."""
    write_clip(Path("turned.mp4"), frames=3, size=size, rotation=rotation, audio=False)
    words = ("--videos", "turned.mp4", "--masks", "box:0,0,50%,20%")
    call("mask", "make", *words, "--out", "masks")
    call("run", *words, "--out", "named", "stitch.codec=ffv1", "run.executor=inline")
    masks = ("--videos", "turned.mp4", "--masks", "masks/{stem}_mask.mkv")
    call("run", *masks, "--out", "files", "stitch.codec=ffv1", "run.executor=inline")
    assert np.array_equal(pictures("files/turned.mkv"), pictures("named/turned.mkv"))


def test_masks_are_previewed_without_restoring_anything(clip: Path) -> None:
    told = json.loads(call("mask", "preview", "--videos", "a.mkv", "--masks", "green", "--out", "out", "--json"))
    page = Path(told["page"])
    assert told["items"][0]["frames"] == FRAMES
    assert not Path("out/a.mkv").exists()
    sheet, video = next(page.parent.glob("*.jpg")), next(page.parent.glob("*.mp4"))
    assert {sheet.name, video.name} <= set(page.read_text().replace('"', " ").split())
    made = artifacts()
    run("green")
    assert artifacts() == made


def test_a_preview_says_which_items_it_cannot_show(clip: Path) -> None:
    write_clip(Path("b.mkv"), frames=3, audio=False)  # there is nothing green in it
    told = call("preview", "--videos", "a.mkv", "--videos", "b.mkv", "--masks", "green", "--out", "out", status=3)
    assert "not shown: " in told
    assert "b.mkv: nothing is masked" in told


def test_a_run_reuses_what_its_preview_has_restored(clip: Path) -> None:
    words = ["--videos", "a.mkv", "--masks", "green", "--out", "out"]
    told = json.loads(call("preview", *words, "--seconds", "0.1", "--json"))
    assert [Path(output).name for output in told["outputs"]] == ["a_2-4.mkv"]
    assert Path(told["page"]).is_file()
    call("run", *words)
    (row,) = read_ledger(Path("out/_reelmend/ledger"))
    assert (row.chunks_computed, row.chunks_reused) == (0, 1)
