"""A frame of several windows: its levels after each of them, worked out by hand."""

import numpy as np
import pytest

from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.propainter.window_blend import Blending, Overlay

MASK = np.zeros((6, 8), bool)
MASK[2, 3], MASK[4, 5] = True, True
REGION = Rectangle(top=1, bottom=6, left=2, right=7)


def laid(blending: Blending, *levels: float) -> list[int]:
    """The two masked pixels, red, of frame 3; windows have the level at the first and 10 more at the second."""
    overlay = Overlay(blending)
    for level in levels:
        image = np.full((3, 5, 5), -1, np.float32)
        image[0, 1, 1], image[0, 3, 3] = (2 * np.array([level, level + 10]) / 255) - 1
        overlay.lay(3, image, REGION, MASK)
    assert overlay.take(2) is None
    taken = overlay.take(3)
    assert overlay.take(3) is None, "it is forgotten"
    assert taken is not None
    assert not taken[:, 1:].any()
    return [int(level) for level in taken[:, 0]]


@pytest.mark.parametrize("blending", ["float", "published"])
def test_each_window_counts_as_much_as_all_before_it_together(blending: Blending) -> None:
    assert laid(blending, 100.5)[0] in (100, 101)
    assert laid(blending, 40.01, 80.01) == [60, 70]
    assert laid(blending, 40.01, 80.01, 20.01) == [40, 50]
    assert laid(blending, 20.01, 80.01, 40.01) == [45, 55]


def test_the_published_one_cuts_off_fractions_at_each_step_and_the_other_rounds_at_the_end() -> None:
    assert laid("published", 100.7, 201.2) == [150, 160]  # 100 and 201: 150.5
    assert laid("float", 100.7, 201.2) == [151, 161]  # 150.95
