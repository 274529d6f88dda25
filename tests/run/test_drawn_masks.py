"""A box instead of a mask file, from the command line, a manifest and Python, through a whole run."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import reelmend
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.drawn import read_drawn
from reelmend.pipelines.media.masks.reader import read_masks
from reelmend.pipelines.storage.ledger import read_ledger
from tests.clips import scene, write_clip, write_mask_image

SETTINGS = ["run.executor=inline", "plan.shots=false", "mask.dilation=0", "stitch.codec=ffv1"]


def film() -> NDArray[np.uint8]:
    """Six frames with a white logo in a corner and one in the middle."""
    frames = scene(6)
    frames[:, :16, :16] = 255
    frames[:, 20:41, 40:61] = 255
    return frames


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_clip(Path("a.mkv"), pictures=film(), codec="ffv1", pix_fmt="bgr0", audio=False)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["run", *words, *SETTINGS])
    assert result.exit_code == 0, result.output
    return result.stdout


def pictures(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def changed(path: Path) -> tuple[slice, slice]:
    """Rows and columns around what a restoration changed."""
    differs = (pictures(path) != film()).any(3).any(0)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def test_a_box_gives_the_bytes_that_its_mask_image_gives(clip: Path) -> None:
    mask = np.zeros((64, 96), np.bool_)
    mask[16:48, 36:72] = True
    write_mask_image(Path("m.png"), mask)
    run("--videos", "a.mkv", "--masks", "box:37.5%,25%,37.5%,50%", "--out", "by-box")
    run("--videos", "a.mkv", "--masks", "m.png", "--out", "by-image")
    assert Path("by-box/a.mkv").read_bytes() == Path("by-image/a.mkv").read_bytes()
    differs = (pictures(Path("by-box/a.mkv")) != film()).any(3)
    assert differs[:, 20:41, 40:61].all(), "no pixel of the logo is left"
    assert not differs[:, ~mask].any()


def test_the_same_box_again_does_nothing_and_another_one_restores_again(clip: Path) -> None:
    words = ["--videos", "a.mkv", "--out", "out", "--masks"]
    run(*words, "box:8,8,16,16")
    first = Path("out/a.mkv").read_bytes()
    assert "finished every item" in run(*words, " box: 8, 8, 16, 16")
    assert "1 restored" in run(*words, "box:40,8,16,16")
    assert Path("out/a.mkv").read_bytes() != first
    (row,) = read_ledger(Path("out/_reelmend/ledger"))
    assert row.mask == "box:40,8,16,16"


def test_a_manifest_names_a_box_for_each_video_and_for_a_range_of_it(clip: Path) -> None:
    rows = [
        {"video": "a.mkv", "mask": "box:0,0,16,16", "output": "corner"},
        {"video": "a.mkv", "mask": "polygon:40,20,60,20,60,40,40,40@3:5", "output": "middle"},
        {"video": "a.mkv", "mask": "box:200,0,16,16", "output": "outside"},
    ]
    Path("m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    result = CliRunner().invoke(app, ["run", "--manifest", "m.jsonl", "--out", "out", *SETTINGS])
    assert result.exit_code == 3
    assert "box:200,0,16,16: is outside the picture, which has 96x64 pixels" in result.stdout
    assert changed(Path("out/corner.mkv")) == (slice(0, 16), slice(0, 16))
    assert (pictures(Path("out/middle.mkv")) != film()).any((1, 2, 3)).tolist() == [False] * 3 + [True] * 2 + [False]


def test_a_box_is_where_a_player_shows_it(clip: Path) -> None:
    """Players turn this video by 90 degrees clockwise: its bottom left corner is shown at the top left."""
    write_clip(Path("turned.mp4"), pictures=film(), audio=False, rotation=90)
    info = inspect_video(Path("turned.mp4"))
    (mask,) = read_masks(read_drawn("box:0,0,10,20"), info, MaskConfig(dilation=0), 0, 1)
    assert info.display_size == (64, 96)
    assert mask.shape == (64, 96)
    assert mask[-10:, :20].all()
    assert mask.sum() == 200


@pytest.mark.parametrize("words", [["--masks", "box:1,2,3"], ["--masks", "box:1,2,3,4+m.png"]])
def test_a_box_that_cannot_be_read_stops_before_any_work(clip: Path, words: list[str]) -> None:
    result = CliRunner().invoke(app, ["run", "--videos", "a.mkv", *words, "--out", "out"])
    assert (result.exit_code, Path("out").exists()) == (2, False)
    assert result.stderr.startswith("error: input.masks: mask ")


def test_a_box_that_misses_every_picture_stops_before_any_work(clip: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--videos", "a.mkv", "--masks", "box:96,0,8,8", "--out", "out"])
    assert (result.exit_code, Path("out").exists()) == (2, False)
    assert "nothing can be restored: mask box:96,0,8,8: is outside the picture, which has 96x64 pixels" in result.stderr


def test_a_plan_counts_what_a_box_covers(clip: Path) -> None:
    words = ["--videos", "a.mkv", "--masks", "box:0,0,50%,50%@:3", "mask.dilation=0", "--json"]
    document = json.loads(CliRunner().invoke(app, ["plan", *words]).stdout)
    whole = json.loads(CliRunner().invoke(app, ["plan", *words[:3], "box:0,0,50%,50%", *words[4:]]).stdout)
    assert document["items"][0]["mask"] == "box:0,0,50%,50%@:3"
    assert document["items"][0]["part_bytes"] == pytest.approx(whole["items"][0]["part_bytes"] / 2, rel=0.01)


def test_python_takes_a_box_too(clip: Path) -> None:
    restored = reelmend.restore_video("a.mkv", "box:8,8,16,16", "b.mkv", settings={"stitch.codec": "ffv1"})
    assert restored.output.is_file()
