"""A frame on a larger canvas: its own samples, in its own pixel format, and black around them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig, OutpaintConfig
from reelmend.pipelines.errors import OverLimit
from reelmend.pipelines.media.canvas.canvas import canvas_of
from reelmend.pipelines.media.canvas.framing import cut_frame, lay_frame, on_canvas
from reelmend.pipelines.media.colour import BT470BG, colour_of
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from tests.clips import write_clip

FORMATS = [
    "yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuva420p",
    "yuva444p10le", "gray", "gray10le", "gbrp10le", "bgr0", "bgra", "gbrap16le",
]  # fmt: skip
LARGER = JobConfig(mode=Mode.outpaint, outpaint=OutpaintConfig(1.5, 1.25))


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("colour", [(2, 2, 2, 0), (2, 2, 5, 2)], ids=["untagged", "full_range"])
def test_every_sample_of_the_source_is_kept_and_black_lies_around(
    tmp_path: Path, pixel_format: str, colour: tuple[int, int, int, int]
) -> None:
    clip = write_clip(tmp_path / "a.mkv", 1, (97, 61), codec="ffv1", pix_fmt=pixel_format, audio=False, colour=colour)
    info = inspect_video(clip)
    canvas, layout = canvas_of(info, LARGER), working_layout(info.pixel_format)
    frame = next(read_frames(info, 0, 1))
    laid = lay_frame(frame, canvas, info)
    assert (laid.width, laid.height, laid.format.name) == (146, 76, frame.format.name)
    assert (laid.pts, laid.time_base) == (frame.pts, frame.time_base)
    letters = [layout.channels] if layout.interleaved else layout.channels
    for letter, source, plane in zip(letters, planes_of(frame), planes_of(laid), strict=True):
        coarse = letter in "uv"
        top, left = canvas.top >> coarse * layout.shift_y, canvas.left >> coarse * layout.shift_x
        inside = np.zeros(plane.shape[:2], np.bool_)
        inside[top : top + source.shape[0], left : left + source.shape[1]] = True
        assert np.array_equal(plane[inside], source.reshape(plane[inside].shape))
        assert (plane[~inside] == plane[0, 0]).all()
        assert "a" not in letter or np.atleast_1d(plane[0, 0])[-1] == layout.maximum, "what is restored is opaque"
    assert not to_rgb(laid, on_canvas(info, canvas))[0, 0].any()


def test_chroma_of_four_pixels_stays_on_its_grid(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", 1, (97, 61), codec="ffv1", pix_fmt="yuv410p", audio=False)
    canvas = canvas_of(inspect_video(clip), LARGER)
    assert (canvas.left % 4, canvas.top % 4) == (0, 0)


@pytest.mark.parametrize(("height", "tag"), [(560, 2), (600, BT470BG), (720, 2)])
def test_untagged_colours_stay_when_the_canvas_grows_over_720_lines(tmp_path: Path, height: int, tag: int) -> None:
    info = replace(inspect_video(write_clip(tmp_path / "a.mp4", 1)), height=height)
    larger = on_canvas(info, canvas_of(info, LARGER))
    assert larger.colour.matrix == tag
    assert colour_of(larger) == colour_of(info)


def test_a_display_matrix_brings_the_larger_picture_into_view(tmp_path: Path) -> None:
    one = 1 << 16
    quarter_turn = (0, one, 0, -one, 0, 0, 64 * one, 0, 1 << 30)
    info = replace(inspect_video(write_clip(tmp_path / "a.mp4", 1)), rotation=90, display_matrix=quarter_turn)
    larger = on_canvas(info, canvas_of(info, LARGER))
    assert (larger.width, larger.height) == (120, 96)
    assert larger.display_matrix == (*quarter_turn[:6], 96 * one, 0, 1 << 30)


def test_a_canvas_that_no_machine_holds_is_refused(tmp_path: Path) -> None:
    info = replace(inspect_video(write_clip(tmp_path / "a.mp4", 1)), width=8000, height=8000)
    with pytest.raises(OverLimit, match=r"a canvas of 12000x10000 pixels is over limits.pixels=.* smaller outpaint"):
        on_canvas(info, canvas_of(info, LARGER))


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_part_that_is_cut_out_has_the_samples_of_the_whole(tmp_path: Path, pixel_format: str) -> None:
    clip = write_clip(tmp_path / "a.mkv", 1, (97, 61), codec="ffv1", pix_fmt=pixel_format, audio=False)
    frame = next(read_frames(inspect_video(clip), 0, 1))
    layout = working_layout(frame.format.name)
    cut = cut_frame(frame, (40, 12, 97, 31))
    assert (cut.width, cut.height, cut.format.name) == (57, 19, frame.format.name)
    letters = [layout.channels] if layout.interleaved else layout.channels
    for letter, whole, part in zip(letters, planes_of(frame), planes_of(cut), strict=True):
        coarse = letter in "uv"
        row, column = 12 >> coarse * layout.shift_y, 40 >> coarse * layout.shift_x
        assert np.array_equal(part, whole[row : row + part.shape[0], column:])
