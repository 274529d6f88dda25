"""Is the motion behind a hole that of its surroundings, and does a pixel's track end where the pixel is to be seen?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.propagation.hole_motion import BACKGROUND, FOREGROUND, fit_hole_motion, lay_holes, shrink
from reelmend.core_model.propagation.pixel_tracks import RIM_PX, Tracks, ask, find_other, follow, lead_rim
from tests.core_model.hidden_clips import centre_box

ZOOM = np.array([[-2.0, 0.02, -0.01], [1.5, 0.01, 0.02]])
"""(u, v) from (1, x, y), in pixels of frames of 96x128."""
STANDS = np.array([[0, 1, 0], [0, 0, 1]])
BACK = np.linalg.inv(np.vstack(([1, 0, 0], ZOOM + STANDS)))[1:] - STANDS

Track = Callable[[int, int, int, int], tuple[int, Any, Any]]
"""From (frame, row, column, direction) to what (frames away, x, y) is compared with."""


def flow_of(
    motion: list[list[int]] | NDArray[Any], pairs: int, height: int, width: int, scale: float = 1.0
) -> NDArray[Any]:
    """Flow [P, 2, h, w] that follows a motion, for frames `scale` times as large."""
    y, x = (np.mgrid[:height, :width] + 0.5) * scale - 0.5
    one = np.stack([(row[0] + row[1] * x + row[2] * y) / scale for row in motion])
    return np.repeat(one[None], pairs, 0).astype(np.float32)


@pytest.mark.parametrize("scale", [1, 2])
def test_an_affine_motion_is_found_behind_a_hole_from_flow_of_any_size(scale: int) -> None:
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


def passing(step: int, frames: int = 6) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
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


def test_what_passes_a_hole_has_a_motion_of_its_own_and_the_background_stands() -> None:
    masks, forward, backward, shown = passing(step=5)
    found = fit_hole_motion(masks, forward, backward, 4)
    assert np.abs(found.models[:, :, 1, BACKGROUND]).max() < 0.01
    assert found.valid[:, 1, FOREGROUND].all()
    for models, step in zip(found.models, (5, -5), strict=True):
        assert np.allclose(models[:, 1, FOREGROUND], [[step, 0, 0], [0, 0, 0]], atol=0.05)
    other = find_other(masks, found, forward, backward, BACKGROUND).astype(bool)
    looked_at = (found.holes > 0).all(0) & ~(found.near > 0).any(0)
    assert np.array_equal(other[1:-1] & looked_at, shown[1:-1] & looked_at)


def test_where_nothing_passes_there_is_no_motion_in_front() -> None:
    masks, forward, backward, _ = passing(step=0)
    assert not fit_hole_motion(masks, forward, backward, 4).valid[..., FOREGROUND].any()


@pytest.fixture
def tracked() -> Track:
    """Behind a hole of columns 50 to 61, in frames 2 to 9 of 12, the scene moves left by 3 px a frame."""
    masks = np.zeros((12, 96, 128), bool)
    masks[2:10, 40:52, 50:62] = True
    left = flow_of([[-3, 0, 0], [0, 0, 0]], 11, 96, 128)
    motion, nothing = fit_hole_motion(masks, left, -left, 14), np.zeros((12, 96, 128), np.uint8)
    asked = ask(masks)
    tracks = {direction: follow(masks, asked, motion, nothing, BACKGROUND, direction) for direction in (1, -1)}

    def track(t: int, y: int, x: int, direction: int) -> tuple[int, Any, Any]:
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
def test_a_pixel_is_followed_to_the_frame_that_shows_it(
    tracked: Track, t: int, x: int, later: tuple[int, int], earlier: tuple[int, int]
) -> None:
    assert (later[0], later[1], 45) == tracked(t, 45, x, 1)
    assert (earlier[0], earlier[1], 45) == tracked(t, 45, x, -1)


def test_the_pixels_of_a_hole_and_its_rim_are_asked_for() -> None:
    masks = np.zeros((3, 30, 40), bool)
    masks[1, 10:20, 0:8] = True
    asked = ask(masks)
    rim = (10 + 2 * RIM_PX) * (8 + RIM_PX)  # the hole lies at the left border
    assert asked.first.tolist() == [0, 0, rim, rim]
    assert asked.missing.sum() == 80
    assert masks[1, asked.rows[asked.missing], asked.columns[asked.missing]].all()


@pytest.mark.parametrize("seed", range(5))
def test_a_smaller_mask_has_every_pixel_that_a_hole_touches(seed: int) -> None:
    masks = np.random.default_rng(seed).random((2, 30, 50)) < 0.03
    touched = np.zeros((2, 12, 20), bool)
    for t, y, x in np.argwhere(masks):  # two and a half pixels to one
        touched[t, y * 2 // 5 : -(-(y + 1) * 2 // 5), x * 2 // 5 : -(-(x + 1) * 2 // 5)] = True
    assert np.array_equal(shrink(masks, (12, 20)), touched)


@pytest.mark.parametrize("spoiled_px", [4, 14])
def test_flow_is_spoiled_as_far_from_a_hole_as_is_said_and_no_farther(spoiled_px: int) -> None:
    masks = np.zeros((2, 60, 60), bool)
    masks[:, 30, 25:31] = True
    _, near, _ = lay_holes(masks, (60, 60), spoiled_px)
    assert np.flatnonzero(near[0, 30]).tolist() == list(range(25 - spoiled_px, 31 + spoiled_px))
    assert np.flatnonzero(near[0, :, 28]).tolist() == list(range(30 - spoiled_px, 31 + spoiled_px))


def test_flow_that_is_smaller_by_another_factor_in_each_direction_is_enlarged_by_its_own() -> None:
    masks = centre_box(4, 96, 128)
    y, x = (np.mgrid[:48, :32] + 0.5) * np.array([2, 4])[:, None, None] - 0.5
    forward, backward = (
        np.stack([(m[0] + m[1] * x + m[2] * y) / scale for m, scale in zip(motion, (4, 2), strict=True)])
        for motion in (ZOOM, BACK)
    )
    flow_fwd, flow_bwd = (np.repeat(flow[None], 3, 0).astype(np.float32) for flow in (forward, backward))
    found = fit_hole_motion(masks, flow_fwd, flow_bwd, 4)
    rows, columns = np.nonzero(masks[0])
    places = np.stack((np.ones(len(columns)), columns, rows))
    for models, truth in zip(found.models, (ZOOM, BACK), strict=True):
        assert np.abs((models[:, 1, BACKGROUND] - truth) @ places).max() < 0.01


def test_the_rim_is_looked_for_beside_what_the_hole_next_to_it_is_filled_from() -> None:
    masks = np.zeros((4, 40, 60), bool)
    masks[1, 12:24, 20:36] = True
    asked = ask(masks)
    count = len(asked.rows)
    missing = asked.missing
    tracks = Tracks(np.where(missing, 2, 1).astype(np.int16), np.zeros(count, np.float32), np.zeros(count, np.float32))
    tracks.x[missing], tracks.y[missing] = asked.columns[missing] - 2.25, asked.rows[missing] + 1.5
    lead_rim(tracks, asked, masks)
    assert (tracks.away == 2).all()
    assert np.array_equal(tracks.x, asked.columns - np.float32(2.25))
    assert np.array_equal(tracks.y, asked.rows + np.float32(1.5))
