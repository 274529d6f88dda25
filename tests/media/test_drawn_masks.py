"""Masks drawn by words cover the pixels that the words say, on any picture, in the frames that they say."""

from fractions import Fraction

import numpy as np
import pytest

from reelmend.pipelines.errors import ConfigError, MaskError
from reelmend.pipelines.media.masks.drawn import is_drawn, read_drawn

SIZE = (40, 20)


def covered(text: str, size: tuple[int, int] = SIZE) -> set[tuple[int, int]]:
    """(x, y) of the pixels that a mask covers."""
    rows, columns = np.nonzero(read_drawn(text).levels(size))
    return {(int(x), int(y)) for x, y in zip(columns, rows, strict=True)}


def block(left: int, top: int, right: int, bottom: int) -> set[tuple[int, int]]:
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("box:3,4,5,6", block(3, 4, 8, 10)),
        (" box: 3, 4, 5, 6 ", block(3, 4, 8, 10)),
        ("box:10%,50%,25%,10%", block(4, 10, 14, 12)),
        ("box:1%,0,1%,1", block(0, 0, 1, 1)),  # 0.4 to 0.8 of a pixel: that pixel
        ("box:2%,0,1%,1", block(0, 0, 2, 1)),  # 0.8 to 1.2: both
        ("box:35,15,100,100", block(35, 15, 40, 20)),
        ("box:75%,0,25%,100%+box:0,0,1,1", block(30, 0, 40, 20) | {(0, 0)}),
        ("polygon:2,2,6,2,6,5,2,5", block(2, 2, 7, 6)),  # its corners belong to it
        ("polygon:0,0,4,0,0,4", {(x, y) for x in range(5) for y in range(5) if x + y <= 4}),
    ],
)
def test_the_pixels_are_those_of_the_words(text: str, pixels: set[tuple[int, int]]) -> None:
    assert covered(text) == pixels


def test_percent_means_the_same_part_of_every_picture() -> None:
    text = "box:50%,75%,50%,25%"
    assert covered(text, (100, 80)) == block(50, 60, 100, 80)
    assert covered(text, (1280, 720)) == block(640, 540, 1280, 720)


def frames_of(text: str, frames: int = 10, rate: int = 5) -> list[bool]:
    """In which frames of a video of 5 frames per second something is drawn."""
    pts, time_base = [7 + 3 * number for number in range(frames)], Fraction(1, 3 * rate)
    return [levels is not None for levels in read_drawn(text).levels_from(SIZE, pts, time_base, 0, frames)]


@pytest.mark.parametrize(
    ("within", "shown"),
    [
        ("", range(10)),
        ("@2:4", range(2, 4)),
        ("@:3", range(3)),
        ("@0.4s:1s", range(2, 5)),
        ("@8:99", range(8, 10)),
        ("@20:30", range(0)),
    ],
)
def test_a_shape_is_there_in_its_range_only(within: str, shown: range) -> None:
    assert frames_of(f"box:0,0,4,4{within}") == [number in shown for number in range(10)]


def test_shapes_of_one_frame_are_joined_and_a_part_of_a_video_is_as_in_the_whole() -> None:
    mask = read_drawn("box:0,0,2,2@0:3+box:8,0,2,2@2:5")
    pts = list(range(6))
    whole = [*mask.levels_from(SIZE, pts, Fraction(1, 5), 0, 6)]
    assert [0 if levels is None else int((levels > 0).sum()) for levels in whole] == [4, 4, 8, 4, 4, 0]
    assert whole[0] is whole[1], "one array is fitted to the video once"
    part = [*mask.levels_from(SIZE, pts, Fraction(1, 5), 2, 6)]
    for one, other in zip(part, whole[2:], strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or np.array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("box:1,2,3", "mask box:1,2,3: a box has 4 numbers, not 3; use box:LEFT,TOP,WIDTH,HEIGHT"),
        ("box:1,2,3,0", "the width and the height of a box have to be above 0"),
        ("box:1,2,3,4px", "'4px' is not a number of pixels or a percentage such as 12.5%"),
        ("box:-1,2,3,4", "'-1' is not a number"),
        ("box:1,2,3,4@5", "'5' is not a range of frames"),
        ("box:1,2,3,4@5:2", "'5:2' contains no frame"),
        ("box:1,2,3,4+", "mask : not a box or a polygon"),
        ("box:1,2,3,4+circle:3,4,5", "mask circle:3,4,5: not a box or a polygon"),
        ("polygon:1,2,3,4", "a polygon has pairs of numbers for at least 3 corners"),
        ("polygon:1,2,3,4,5,6,7", "a polygon has pairs of numbers"),
        ("+".join(["box:0,0,1,1"] * 1001), "has 1001 shapes, at most 1000; use a mask image"),
    ],
)
def test_a_shape_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_drawn(text)
    assert said in str(error.value)


def test_a_shape_outside_the_picture_is_an_error_of_that_video() -> None:
    with pytest.raises(MaskError, match=r"mask box:40,0,5,5: is outside the picture, which has 40x20 pixels"):
        next(iter(read_drawn("box:0,0,1,1+box:40,0,5,5").levels_from(SIZE, [0], Fraction(1, 25), 0, 1)))


@pytest.mark.parametrize("name", ["box.png", "masks/box:1.png", "{stem}.png", "a/polygon", ""])
def test_names_of_files_are_no_shapes(name: str) -> None:
    assert not is_drawn(name)
