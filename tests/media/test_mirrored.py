"""A mask drawn on the picture as a player shows it lands on the same thing in the picture as it is coded."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import MaskConfig, StitchConfig
from reelmend.pipelines.media.capabilities import check_output
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.masks.reader import read_masks
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.rotation import as_coded, as_shown, turn_of
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from tests.clips import scene, write_mask_image

PLAIN = MaskConfig(dilation=0)
# The ways to hold a picture but the plain one: degrees anticlockwise, mirrored left to right, upside down.
WAYS = [(90, False, False), (180, False, False), (270, False, False), (0, False, True)]
WAYS += [(degrees, True, False) for degrees in (0, 90, 180, 270)]


def clip_of(path: Path, way: tuple[int, bool, bool]) -> Path:
    """Two frames of 64x48 with one white corner, at the left of the top."""
    degrees, across, down = way
    pictures = scene(2, (64, 48)) // 2
    pictures[:, :12, :16] = 255
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, width=64, height=48, options={"crf": "1"})
        stream.pix_fmt = "yuv444p"
        stream.set_display_rotation(degrees, across, down)
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        output.mux(stream.encode(None))
    return path


def shown_by_ffmpeg(clip: Path) -> NDArray[Any]:
    """The first frame as FFmpeg's own filters show it, turned by the rules of `av_display_rotation_get`."""
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        a, b, _, c, d = np.frombuffer(bytes(frame.side_data["DISPLAYMATRIX"]), np.int32)[:5] / 65536  # type: ignore[typeddict-item]
        picture = frame.to_ndarray(format="rgb24")
    height, width = picture.shape[:2]
    across, down = (round(abs(a * width + c * height)), round(abs(b * width + d * height)))
    shown = np.zeros((down, across, 3), np.uint8)
    for y in range(height):
        for x in range(width):  # the middle of the pixel goes where the matrix says
            right, below = a * (x + 0.5) + c * (y + 0.5), b * (x + 0.5) + d * (y + 0.5)
            shown[int(below % down), int(right % across)] = picture[y, x]
    return shown


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_mask_of_what_is_seen_covers_what_is_meant(tmp_path: Path, way: tuple[int, bool, bool]) -> None:
    clip = clip_of(tmp_path / "a.mp4", way)
    info = inspect_video(clip)
    white = shown_by_ffmpeg(clip).min(axis=2) > 200
    mask = next(read_masks(write_mask_image(tmp_path / "m.png", white), info, PLAIN, 0, 1))
    coded = to_rgb(next(read_frames(info, 0, 1)), info).min(axis=2) > 200
    assert coded.sum() > 100
    assert np.mean(mask == coded) > 0.99
    header = glance_video(clip)
    assert (header.rotation, header.mirrored) == (info.rotation, info.mirrored)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.ffv1, Codec.prores])
def test_the_output_is_mirrored_as_the_source_is(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(clip_of(tmp_path / "a.mp4", (90, True, False)))
    path = tmp_path / f"out{suffix_of(codec)}"
    with VideoWriter(path, info, StitchConfig(codec=codec)) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    written = inspect_video(path)
    assert (written.rotation, written.mirrored) == (info.rotation, info.mirrored) == (info.rotation, True)


def test_images_say_that_they_stay_mirrored(tmp_path: Path) -> None:
    info = inspect_video(clip_of(tmp_path / "a.mp4", (0, True, False)))
    assert "images stay mirrored" in " ".join(check_output(info, StitchConfig(codec=Codec.png)))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_is_shown_and_what_is_coded_are_each_others_undoing(rotation: int, mirrored: bool) -> None:
    image = np.arange(12).reshape(3, 4)
    assert np.array_equal(as_coded(as_shown(image, rotation, mirrored), rotation, mirrored), image)
    assert turn_of(None) == (0, False)
