"""A part of a frame costs what the part costs, and is the same bytes."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
from av import VideoFrame

from reelmend.core_model.regions import Region
from reelmend.pipelines.media.crop import cut_frame, region_to_rgb
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.reader import to_rgb
from reelmend.pipelines.media.records import ColourTags

FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "yuva420p"),
    *("yuv420p10le", "yuv422p12le", "yuv444p16le", "gray", "gray10le", "gbrp", "gbrap", "gbrp16le", "rgb24", "rgba"),
)
ODD = Region(35, 51, 112, 98)


def noise(pixel_format: str, size: tuple[int, int] = (320, 240)) -> tuple[VideoFrame, SimpleNamespace]:
    frame, random = av.VideoFrame(*size, pixel_format), np.random.default_rng(0)
    for plane in planes_of(frame):
        plane[...] = random.integers(0, working_layout(pixel_format).maximum + 1, plane.shape)
    return frame, SimpleNamespace(height=size[1], pixel_format=pixel_format, colour=ColourTags(2, 2, 1, 1))


@pytest.mark.parametrize("region", [ODD, Region(0, 0, 64, 64), Region(64, 128, 320, 240), Region(283, 1, 319, 240)])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_part_is_cut_from_the_whole_to_the_byte(pixel_format: str, region: Region) -> None:
    frame, info = noise(pixel_format)
    assert np.array_equal(region_to_rgb(frame, info, region), to_rgb(frame, info)[region.inside])


@pytest.mark.parametrize("size", [(321, 241), (319, 240), (320, 241)])
def test_so_it_is_in_frames_of_odd_sizes(size: tuple[int, int]) -> None:
    frame, info = noise("yuv420p", size)
    assert np.array_equal(region_to_rgb(frame, info, ODD), to_rgb(frame, info)[ODD.inside])


def test_a_part_that_is_the_frame_is_made_smaller_as_the_frame_is() -> None:
    frame, info = noise("yuv420p")
    whole = region_to_rgb(frame, info, Region(0, 0, 320, 240), (100, 75))
    assert np.array_equal(whole, to_rgb(frame, info, (100, 75)))


def test_what_begins_inside_a_chroma_sample_is_not_cut_from_the_samples() -> None:
    frame, _ = noise("yuv420p")
    with pytest.raises(ValueError, match="inside a chroma sample of yuv420p"):
        cut_frame(frame, ODD)
