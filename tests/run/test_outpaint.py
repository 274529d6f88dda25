"""A larger picture: the source in the middle as it was, and around it what the camera showed at other times."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec, Mode
from reelmend.pipelines.config import JobConfig, OutpaintConfig
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.storage.ledger.rows import ItemRow
from tests.clips import U8, Bool, scene, write_clip, write_mask_image
from tests.jobs import finish, lossless_job, planes

PICTURE = (slice(8, 72), slice(12, 108))
"""Of a scene of 120x80: a picture of 96x64 whose canvas, at 1.25 times its sides, is the whole scene."""


KNOWN = slice(6, 10)
"""Of 16 frames of a pan by 2 pixels each: those whose sides were both seen, before or after."""

TWO_BLOCKS: dict[str, Any] = {"block_length": 8, "overlap": 2}

Pan = tuple[Path, U8, ItemRow]


def outpaint_job(
    folder: Path, scale_w: float = 1.25, scale_h: float = 1.25, out: str = "out", **plan: Any
) -> JobConfig:
    job = lossless_job(folder, out, **plan)
    job.mode, job.outpaint = Mode.outpaint, OutpaintConfig(scale_w, scale_h)
    return job


def add_pan(folder: Path, frames: int = 16, speed: tuple[int, int] = (2, 0), **clip: Any) -> U8:
    """Write in/pan.mp4, the middle of a panning scene, and return the whole scene: u8 [T, 80, 120, 3]."""
    (folder / "in").mkdir(exist_ok=True)
    truth = scene(frames, (120, 80), speed)
    write_clip(folder / "in/pan.mp4", pictures=truth[:, *PICTURE], **clip)
    return truth


def rgb_of(path: Path) -> U8:
    info = inspect_video(path)
    return np.stack([to_rgb(frame, info) for frame in read_frames(info, 0, info.frames)])


def psnr(pictures: U8, truth: U8, where: Bool) -> float:
    error = (pictures.astype(np.float64) - truth)[:, where]
    return float(10 * np.log10(255**2 / np.square(error).mean()))


def sides() -> Bool:
    """Left and right of the picture: what a pan sideways shows at other times."""
    where = np.zeros((80, 120), np.bool_)
    where[PICTURE[0]] = True
    where[PICTURE] = False
    return where


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Pan:
    """A pan's folder, the whole scene, and the row of its run, a chunk a block."""
    folder = tmp_path_factory.mktemp("pan")
    truth = add_pan(folder, options={"crf": "8"})
    _, rows = finish(outpaint_job(folder, **TWO_BLOCKS, chunk_length=1))
    return folder, truth, rows["pan"]


def test_what_a_pan_showed_before_and_after_is_found_again(pan: Pan) -> None:
    folder, truth, row = pan
    assert (row.state, row.width, row.height) == (ItemState.RESTORED, 120, 80)
    restored = rgb_of(folder / "out/pan.mkv")
    stretched = np.pad(rgb_of(folder / "in/pan.mp4"), ((0, 0), (8, 8), (12, 12), (0, 0)), "edge")
    assert psnr(restored[KNOWN], truth[KNOWN], sides()) > psnr(stretched[KNOWN], truth[KNOWN], sides()) + 12
    everywhere = np.ones((80, 120), np.bool_)
    everywhere[PICTURE] = False
    assert psnr(restored, truth, everywhere) > psnr(stretched, truth, everywhere) + 3


def test_sound_time_and_length_are_the_sources(pan: Pan) -> None:
    folder, _, _ = pan
    source, restored = inspect_video(folder / "in/pan.mp4"), inspect_video(folder / "out/pan.mkv")
    assert (restored.width, restored.height, restored.frames) == (120, 80, source.frames)
    assert [stream.codec for stream in restored.streams] == [stream.codec for stream in source.streams] == ["aac"]
    times = [[(pts - info.pts[0]) * info.time_base for pts in info.pts] for info in (source, restored)]
    assert times[0] == times[1]


def test_the_same_command_again_finds_it_done_and_another_factor_does_not(tmp_path: Path) -> None:
    add_pan(tmp_path, 3)
    job = outpaint_job(tmp_path)
    assert not finish(job)[1]["pan"].reused
    assert finish(job)[1]["pan"].reused
    job.outpaint.scale_w = 1.5
    _, rows = finish(job)
    assert not rows["pan"].reused
    assert inspect_video(tmp_path / "out/pan.mkv").width == 144


def test_flow_that_inpainting_measured_is_used_again(tmp_path: Path) -> None:
    add_pan(tmp_path, 4)
    write_mask_image(tmp_path / "mask.png", np.eye(64, 96) > 0)
    job = lossless_job(tmp_path)
    job.input.masks = str(tmp_path / "mask.png")
    finish(job)
    job.mode, job.outpaint, job.input.masks = Mode.outpaint, OutpaintConfig(1.25, 1.0), None
    _, rows = finish(job)
    assert rows["pan"].tasks_reused == 1, "the flow segment; probe, chunk and stitch are new"


FORMATS = {
    "yuv420p": (97, 61),
    "yuv422p": (97, 61),
    "yuv444p": (96, 64),
    "yuv420p10le": (97, 61),
    "bgr0": (97, 61),
}


@pytest.fixture(scope="module")
def of_every_format(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    (folder / "in").mkdir()
    for pixel_format, size in FORMATS.items():
        write_clip(folder / f"in/{pixel_format}.mkv", 3, size, codec="ffv1", pix_fmt=pixel_format, audio=False)
    finish(outpaint_job(folder, 1.3, 1.2))
    return folder


@pytest.mark.parametrize(("pixel_format", "size"), FORMATS.items())
def test_the_sources_samples_are_kept_in_every_pixel_format(
    of_every_format: Path, pixel_format: str, size: tuple[int, int]
) -> None:
    source, output = (inspect_video(of_every_format / where / f"{pixel_format}.mkv") for where in ("in", "out"))
    assert (output.width, output.height, output.pixel_format) == (126, 74, source.pixel_format) or size == (96, 64)
    layout = working_layout(source.pixel_format)
    left, top = ((output.width - size[0]) // 4 * 2, (output.height - size[1]) // 4 * 2)
    letters = [layout.channels] if layout.interleaved else layout.channels
    for old, new in zip(read_frames(source, 0, 3), read_frames(output, 0, 3), strict=True):
        for letter, samples, larger in zip(letters, planes_of(old), planes_of(new), strict=True):
            x, y = left >> (letter in "uv") * layout.shift_x, top >> (letter in "uv") * layout.shift_y
            assert np.array_equal(larger[y : y + samples.shape[0], x : x + samples.shape[1]], samples)


def test_a_mask_inside_the_picture_is_filled_and_only_it_is_grown(tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.bool_)
    mask[20:40, 40:60] = True
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/pan.mp4", pictures=np.where(mask[..., None], np.uint8(255), scene(8, speed=(2, 0))))
    write_mask_image(tmp_path / "in/pan_mask.png", mask)
    job = outpaint_job(tmp_path)
    job.mask.dilation = 6
    finish(job)
    source = np.stack(planes(tmp_path / "in/pan.mp4"))[:, :64]
    changed = np.stack(planes(tmp_path / "out/pan.mkv"))[:, :80][:, *PICTURE] != source
    assert changed[:, mask].mean() > 0.95
    assert not changed[:, :14].any()
    assert not changed[:, :, :34].any(), "the picture is good up to its edge"


def test_one_chunk_and_many_give_the_same_bytes(pan: Pan) -> None:
    folder, _, many = pan
    _, rows = finish(outpaint_job(folder, out="one", **TWO_BLOCKS, chunk_length=1000))
    assert (many.chunks_computed, rows["pan"].chunks_computed) == (2, 1)
    of_many, of_one = (planes(folder / out / "pan.mkv") for out in ("out", "one"))
    assert np.array_equal(of_many, of_one)


@pytest.mark.parametrize("sides_px", [(72, 0), (0, 48), (72, 48), (100, 77)])
def test_smaller_working_sizes_do_not_shift_what_is_around(tmp_path: Path, sides_px: tuple[int, int]) -> None:
    truth = add_pan(tmp_path, options={"crf": "8"})
    job = outpaint_job(tmp_path)
    job.process.max_side, job.flow.max_side = sides_px
    finish(job)
    restored, known = rgb_of(tmp_path / "out/pan.mkv")[KNOWN], truth[KNOWN]
    shifted = {(x, y): psnr(np.roll(restored, (y, x), (1, 2)), known, sides()) for x in (-1, 0, 1) for y in (-1, 0, 1)}
    assert max(shifted, key=shifted.__getitem__) == (0, 0)
    stretched = np.pad(rgb_of(tmp_path / "in/pan.mp4"), ((0, 0), (8, 8), (12, 12), (0, 0)), "edge")[KNOWN]
    assert shifted[0, 0] > psnr(stretched, known, sides()) + 3


def test_factors_of_a_turned_video_are_those_of_the_picture_one_sees(tmp_path: Path) -> None:
    add_pan(tmp_path, 3, rotation=90)
    finish(outpaint_job(tmp_path, 1.25, 1.0))
    source, output = inspect_video(tmp_path / "in/pan.mp4"), inspect_video(tmp_path / "out/pan.mkv")
    assert output.rotation == source.rotation == 90
    assert (source.display_size, output.display_size) == ((64, 96), (80, 96))


@pytest.mark.parametrize("codec", [Codec.ffv1, Codec.h264])
def test_pixels_that_are_not_square_stay_as_they_are(tmp_path: Path, codec: Codec) -> None:
    add_pan(tmp_path, 3, sample_aspect=Fraction(4, 3))
    job = outpaint_job(tmp_path)
    job.stitch.codec = codec
    summary, rows = finish(job)
    assert summary.exit_status == 0, rows
    assert inspect_video(next((tmp_path / "out").glob("pan.*"))).sample_aspect == Fraction(4, 3)


@pytest.mark.parametrize(("codec", "name"), [(Codec.h264, "pan.mp4"), (Codec.png, "pan")])
def test_other_outputs_have_the_canvas_size_too(tmp_path: Path, codec: Codec, name: str) -> None:
    add_pan(tmp_path, 3)
    job = outpaint_job(tmp_path)
    job.stitch.codec = codec
    summary, rows = finish(job)
    assert summary.exit_status == 0, rows
    output = inspect_video(tmp_path / "out" / name)
    assert (output.width, output.height, output.frames) == (120, 80, 3)


def test_a_still_camera_is_no_error(tmp_path: Path) -> None:
    add_pan(tmp_path, 3, speed=(0, 0))
    summary, _ = finish(outpaint_job(tmp_path, 2.0, 1.0))
    assert summary.exit_status == 0
    with av.open(str(tmp_path / "out/pan.mkv")) as container:
        assert container.streams.video[0].width == 192
