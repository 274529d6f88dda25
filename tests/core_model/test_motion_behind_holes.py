"""Is the motion behind a hole that of its surroundings, and does a pixel's track end where the pixel is to be seen?"""

import numpy as np
import pytest
from hidden_clips import centre_box

from core_model.propagation.hole_motion import BACKGROUND, FOREGROUND, fit_hole_motion
from core_model.propagation.pixel_tracks import RIM_PX, ask, find_other, follow

ZOOM = np.array([[-2.0, 0.02, -0.01], [1.5, 0.01, 0.02]])
"""(u, v) from (1, x, y), in pixels of frames of 96x128."""
STANDS = np.array([[0, 1, 0], [0, 0, 1]])
BACK = np.linalg.inv(np.vstack(([1, 0, 0], ZOOM + STANDS)))[1:] - STANDS


def flow_of(motion, pairs, height, width, scale=1.0):
    """Flow [P, 2, h, w] that follows a motion, for frames `scale` times as large."""
    y, x = (np.mgrid[:height, :width] + 0.5) * scale - 0.5
    one = np.stack([(row[0] + row[1] * x + row[2] * y) / scale for row in motion])
    return np.repeat(one[None], pairs, 0).astype(np.float32)


@pytest.mark.parametrize("scale", [1, 2])
def test_an_affine_motion_is_found_behind_a_hole_from_flow_of_any_size(scale):
    masks = centre_box(4, 96, 128)
    forward, backward = (flow_of(motion, 3, 96 // scale, 128 // scale, scale) for motion in (ZOOM, BACK))
    for flow in (forward, backward):  # flow at the hole is the object's, which stands
        flow[:, :, 30 // scale : 66 // scale, 40 // scale : 88 // scale] = 0
    found = fit_hole_motion(masks, forward, backward, 14)
    assert found.valid[:, 1, BACKGROUND].all()
    y, x = np.nonzero(masks[0])
    places = np.stack((np.ones(len(x)), x, y))
    for models, truth in zip(found.models, (ZOOM, BACK), strict=True):
        assert np.abs((models[:, 1, BACKGROUND] - truth) @ places).max() < 0.1


def passing(step, frames=6):
    """Something 30 px high that passes above the hole by `step` pixels a frame, before a scene that stands."""
    forward, backward = np.zeros((2, frames - 1, 2, 96, 128), np.float32)
    shown = np.zeros((frames, 96, 128), bool)
    for t in range(frames):
        shown[t, 2:32, 20 + step * t : 70 + step * t] = True
    for pair in range(frames - 1):
        forward[pair, 0][shown[pair]], backward[pair, 0][shown[pair + 1]] = step, -step
    masks = np.zeros((frames, 96, 128), bool)
    masks[:, 40:60, 50:80] = True
    return masks, forward, backward, shown


def test_what_passes_a_hole_has_a_motion_of_its_own_and_the_background_stands():
    masks, forward, backward, shown = passing(step=5)
    found = fit_hole_motion(masks, forward, backward, 4)
    assert np.abs(found.models[:, :, 1, BACKGROUND]).max() < 0.01
    assert found.valid[:, 1, FOREGROUND].all()
    for models, step in zip(found.models, (5, -5), strict=True):
        assert np.allclose(models[:, 1, FOREGROUND], [[step, 0, 0], [0, 0, 0]], atol=0.05)
    other = find_other(masks, found, forward, backward, BACKGROUND).astype(bool)
    looked_at = (found.holes > 0).all(0) & ~(found.near > 0).any(0)
    assert np.array_equal(other[1:-1] & looked_at, shown[1:-1] & looked_at)


def test_where_nothing_passes_there_is_no_motion_in_front():
    masks, forward, backward, _ = passing(step=0)
    assert not fit_hole_motion(masks, forward, backward, 4).valid[..., FOREGROUND].any()


@pytest.fixture
def tracked():
    """Behind a hole of columns 50 to 61, in frames 2 to 9 of 12, the scene moves left by 3 px a frame."""
    masks = np.zeros((12, 96, 128), bool)
    masks[2:10, 40:52, 50:62] = True
    left = flow_of([[-3, 0, 0], [0, 0, 0]], 11, 96, 128)
    motion, nothing = fit_hole_motion(masks, left, -left, 14), np.zeros((12, 96, 128), np.uint8)
    asked = ask(masks)
    tracks = {direction: follow(masks, asked, motion, nothing, BACKGROUND, direction) for direction in (1, -1)}

    def track(t, y, x, direction):
        part = slice(*asked.first[t : t + 2])
        n = asked.first[t] + np.flatnonzero((asked.rows[part] == y) & (asked.columns[part] == x))[0]
        found = tracks[direction]
        return (
            int(found.away[n]),
            pytest.approx(float(found.x[n]), abs=0.02),
            pytest.approx(float(found.y[n]), abs=0.02),
        )

    return track


@pytest.mark.parametrize(
    ("t", "x", "later", "earlier"),
    [
        (5, 50, (1, 47), (-4, 62)),
        (5, 55, (2, 49), (-3, 64)),
        (5, 61, (4, 49), (-1, 64)),
        (8, 61, (2, 55), (-1, 64)),  # the hole ends with frame 9: frame 10 shows all
        (9, 61, (1, 58), (-1, 64)),
        (3, 50, (1, 47), (-2, 56)),  # and begins with frame 2: frame 1 shows all
    ],
)
def test_a_pixel_is_followed_to_the_frame_that_shows_it(tracked, t, x, later, earlier):
    assert (later[0], later[1], 45) == tracked(t, 45, x, 1)
    assert (earlier[0], earlier[1], 45) == tracked(t, 45, x, -1)


def test_the_pixels_of_a_hole_and_its_rim_are_asked_for():
    masks = np.zeros((3, 30, 40), bool)
    masks[1, 10:20, 0:8] = True
    asked = ask(masks)
    rim = (10 + 2 * RIM_PX) * (8 + RIM_PX)  # the hole lies at the left border
    assert asked.first.tolist() == [0, 0, rim, rim]
    assert asked.missing.sum() == 80
    assert masks[1, asked.rows[asked.missing], asked.columns[asked.missing]].all()
