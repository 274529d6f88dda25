"""`reelmend.restore_video`: one file in, one file out, and what is known of it."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import reelmend
from reelmend.pipelines.api.progress import ProgressUpdate
from tests.clips import moving_box, scene, write_clip, write_mask_image
from tests.jobs import planes

MASKS = moving_box(6)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 6, pictures=np.where(MASKS[..., None], np.uint8(255), scene(6)))


def test_a_file_and_an_array_as_its_mask_become_a_file_with_sound_and_a_score(video: Path, tmp_path: Path) -> None:
    told: list[ProgressUpdate] = []
    result = reelmend.restore_video(video, MASKS, tmp_path / "new" / "clean.mp4", progress=told.append)
    assert result.output == tmp_path / "new" / "clean.mp4"
    assert (result.state, result.frames) == ("restored", 6)
    assert result.score is not None
    assert 0 <= result.score <= 1
    with av.open(str(result.output)) as written:
        assert [stream.type for stream in written.streams] == ["video", "audio"]
    assert (told[-1].fraction, told[-1].stage, told[-1].items_done) == (1.0, "done", 1)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["clean.mp4"], "nothing is left beside it"


def test_a_mask_is_the_same_as_array_and_as_file_and_the_suffix_chooses_a_lossless_codec(
    video: Path, tmp_path: Path
) -> None:
    still = MASKS[0]
    by_array = reelmend.restore_video(video, still, tmp_path / "array.mkv")
    by_file = reelmend.restore_video(str(video), write_mask_image(tmp_path / "mask.png", still), tmp_path / "file.mkv")
    assert all(
        np.array_equal(one, other) for one, other in zip(planes(by_array.output), planes(by_file.output), strict=True)
    )
    outside = np.zeros_like(still)
    outside[:10] = True
    source, restored = planes(video), planes(by_file.output)
    assert all(np.array_equal(a[:64][outside], b[:64][outside]) for a, b in zip(source, restored, strict=True))


def test_a_video_of_which_nothing_is_masked_is_copied(video: Path, tmp_path: Path) -> None:
    result = reelmend.restore_video(video, np.zeros_like(MASKS[0]), tmp_path / "clean.mkv")
    assert (result.state, result.score) == ("untouched", None)
    assert result.output == tmp_path / "clean.mp4", "a copy keeps its own suffix"
    assert result.output.read_bytes() == video.read_bytes()
    assert "the mask is empty" in result.notes


def test_what_quarantines_an_item_is_raised(video: Path, tmp_path: Path) -> None:
    with pytest.raises(reelmend.MaskError, match=r"^mask: the mask has 7 images, its video clip.mp4 6 frames"):
        reelmend.restore_video(video, np.concatenate([MASKS, MASKS[:1]]), tmp_path / "clean.mp4")
    video.write_bytes(video.read_bytes()[:2000])
    with pytest.raises(reelmend.MediaError, match=r"clip\.mp4"):
        reelmend.restore_video(video, MASKS[0], tmp_path / "clean.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"], "neither an output nor a folder is left"


@pytest.mark.parametrize(
    ("out", "settings", "message"),
    [
        ("clean.avi", {}, r"out: no codec uses the suffix .avi; use .mp4 \(h264\), .mkv \(ffv1\)"),
        ("clean.mp4", {"stitch.codec": "ffv1"}, r"clean.mp4 does not fit stitch.codec=ffv1, which is written as .mkv"),
        ("clip.mp4", {}, r"clip.mp4 exists; pass overwrite=True"),
        ("clean.mp4", {"out": "elsewhere"}, r"settings: out is an argument of restore_video"),
        ("clean.mp4", {"stitch.crf": 99}, r"stitch.crf: 99 is outside 0..51 \(settings\)"),
    ],
)
def test_what_cannot_be_written_as_asked_is_refused(
    video: Path, tmp_path: Path, out: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(reelmend.ConfigError, match=message):
        reelmend.restore_video(video, MASKS[0], tmp_path / out, settings=settings)


def test_an_output_is_replaced_where_the_caller_says_so(video: Path, tmp_path: Path) -> None:
    (tmp_path / "clean.mp4").write_text("old")
    result = reelmend.restore_video(
        video, MASKS[0], tmp_path / "clean.mp4", overwrite=True, settings={"stitch.codec": "h265"}
    )
    assert result.facts["codec"] == "hevc"


def test_a_missing_file_and_a_missing_mask_are_named(video: Path, tmp_path: Path) -> None:
    with pytest.raises(reelmend.MediaError, match=r"^video: .*absent.mp4 does not exist$"):
        reelmend.restore_video(tmp_path / "absent.mp4", MASKS[0], tmp_path / "clean.mp4")
    with pytest.raises(reelmend.MaskError, match=r"^mask: .*absent.png does not exist$"):
        reelmend.restore_video(video, tmp_path / "absent.png", tmp_path / "clean.mp4")
    with pytest.raises(reelmend.MaskError, match=r"^mask: inpainting needs one"):
        reelmend.restore_video(video, None, tmp_path / "clean.mp4")
    with pytest.raises(reelmend.ConfigError, match=r"run_job writes to buckets"):
        reelmend.restore_video(video, MASKS[0], "s3://bucket/clean.mp4")


def test_without_a_mask_the_frame_is_extended(video: Path, tmp_path: Path) -> None:
    wider = {"mode": "outpaint", "outpaint.scale_w": 1.5}
    result = reelmend.restore_video(video, None, tmp_path / "wide.mkv", settings=wider)
    with av.open(str(result.output)) as written:
        assert (written.streams.video[0].width, written.streams.video[0].height) == (144, 64)


def test_nothing_else_is_replaced(video: Path, tmp_path: Path) -> None:
    """Neither a folder of other things nor, by the copy of a source of which nothing is masked, another video."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").touch()
    with pytest.raises(reelmend.ConfigError, match="photos is a folder with other files"):
        reelmend.restore_video(video, MASKS[0], tmp_path / "photos", overwrite=True)
    (tmp_path / "clean.mp4").write_text("another video")
    with pytest.raises(reelmend.ConfigError, match=r"the source would be copied to .*clean.mp4, which exists"):
        reelmend.restore_video(video, np.zeros_like(MASKS[0]), tmp_path / "clean.mkv")
    assert (tmp_path / "clean.mp4").read_text() == "another video"


def test_a_folder_of_images_is_written_and_replaced(video: Path, tmp_path: Path) -> None:
    for _ in range(2):
        result = reelmend.restore_video(video, MASKS[0], tmp_path / "images", overwrite=True)
        assert len([*result.output.glob("*.png")]) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "images"]


def test_a_mask_of_floats_is_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(reelmend.ArrayError, match=r"convert with mask > 0\.5"):
        reelmend.restore_video(video, MASKS[0] * 1.0, tmp_path / "clean.mp4")
