"""A mask that may be meant otherwise says so: in the ledger, on the terminal and in the report."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.cli.screen import print_summary
from reelmend.pipelines.config import InputConfig, MaskConfig
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger.rows import ItemRow
from tests.clips import write_clip, write_mask_image
from tests.jobs import finish, lossless_job

BOX = np.zeros((64, 96), np.uint8)
BOX[20:40, 30:50] = 1
MASKS = {"empty": BOX * 0, "soft": cv2.GaussianBlur(BOX * 100, (0, 0), 3), "all": BOX * 0 + 255, "labels": BOX}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary, dict[str, ItemRow]]:
    folder = tmp_path_factory.mktemp("odd")
    write_clip(folder / "v.mp4", frames=5, audio=False)
    for name, mask in MASKS.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), mask)
    rows = "".join(f"v.mp4,{name}.png,{name}\n" for name in MASKS)
    (folder / "job.csv").write_text(f"video,mask,output\n{rows}")
    job = replace(lossless_job(folder), input=InputConfig(manifest=str(folder / "job.csv")))
    return folder, *finish(job)


def test_an_untouched_item_says_why(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    _, _, rows = ended
    assert [str(rows[name].state) for name in ("empty", "soft")] == ["untouched"] * 2
    assert "mask is empty" in rows["empty"].reason
    assert "not above mask.threshold=127" in rows["soft"].reason


def test_a_mask_of_labels_is_used_and_that_is_said(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    _, _, rows = ended
    assert rows["labels"].state == "restored"
    assert rows["labels"].facts["masked_fraction"] == pytest.approx(784 * 1 / (96 * 64), abs=0.02)  # 20x20, grown by 4
    assert "read as labels (1)" in rows["labels"].reason


def test_where_nothing_is_left_to_restore_from_that_is_said(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    _, _, rows = ended
    assert "covers every pixel of every frame, so the whole result is invented: is it inverted" in rows["all"].reason


def test_terminal_and_report_say_all_of_it(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    folder, summary, rows = ended
    screen = io.StringIO()
    print_summary(Console(file=screen, width=300), summary, list(rows.values()))
    report = (folder / "out" / "_reelmend" / "report.html").read_text()
    for words in ("the mask is empty", "brightest level is", "read as labels (1)", "is it inverted"):
        assert words in screen.getvalue(), words
        assert words in report, words


def test_a_copy_of_the_video_is_no_mask_and_an_empty_one_is_refused_by_strict(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mp4", frames=3, audio=False)
    (tmp_path / "copy.mp4").write_bytes((tmp_path / "v.mp4").read_bytes())
    write_mask_image(tmp_path / "box.png", BOX > 0)
    write_mask_image(tmp_path / "empty.png", BOX > 1)
    rows = "v.mp4,copy.mp4,a\nv.mp4,empty.png,b\nv.mp4,box.png@late,c\nv.mp4,box.png,d\n"
    rows = rows.replace("box.png@late", '"box:10,20,30,40@1000:2000"')
    (tmp_path / "job.csv").write_text(f"video,mask,output\n{rows}")
    job = replace(
        lossless_job(tmp_path), input=InputConfig(manifest=str(tmp_path / "job.csv")), mask=MaskConfig(strict=True)
    )
    _, found = finish(job)
    assert [str(found[name].state) for name in "abcd"] == ["quarantined"] * 3 + ["restored"]
    assert "the same content as the video itself" in found["a"].reason
    assert "it is empty, or its range is outside of the video" in found["b"].reason
    assert found["b"].reason.replace("b", "c") == found["c"].reason.replace("b", "c")


def test_a_doubtful_mask_is_named_before_the_run_and_refused_by_strict(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    video = write_clip(tmp_path / "clip.mkv", 2, codec="ffv1", audio=False)
    mask = write_mask_image(tmp_path / "mask.png", ~np.pad(np.ones((10, 10), np.bool_), ((0, 54), (0, 86))))
    words = ["run", "--videos", str(video), "--masks", str(mask), "--out", str(tmp_path / "out"), "run.executor=inline"]
    strict = CliRunner().invoke(app, [*words, "--strict"])
    assert strict.exit_code == 2
    assert "mask.png: is doubtful (mask.strict): it covers 98% of the picture: is it inverted?" in strict.output
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(app, words).exit_code == 0
    said = [record.getMessage() for record in caplog.records]
    doubt = next(place for place, text in enumerate(said) if "covers 98% of the picture" in text)
    assert doubt < next(place for place, text in enumerate(said) if "probing" in text)
