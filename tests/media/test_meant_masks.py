"""Masks that do not exist: what was meant is named."""

import pytest

from reelmend.pipelines.media.masks.meant import meant_by


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("0,370,768,62", "box:0,370,768,62"),
        ("10%, 80%, 80%, 15%", "box:10%,80%,80%,15%"),
        ("Text", "text"),
        ("subtitles", "text"),
        ("overlya", "overlay"),
        ("logo", "overlay"),
        ("Box:1,2,3,4", "box"),
        ("box 1,2,3,4", "box"),
        ("rect:1,2,3,4", "box"),
        ("m.png@0:5", "file:m.png@0:5"),
    ],
)
def test_a_slip_is_named(name: str, meant: str) -> None:
    assert meant_by(name) == f"did you mean {meant}? "


@pytest.mark.parametrize("name", ["clip_0042_mask.png", "mask.png", "masks", "0001.png"])
def test_a_file_that_is_missing_is_no_slip(name: str) -> None:
    assert meant_by(name) == ""
