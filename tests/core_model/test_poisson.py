"""Is the hole's equation solved, whatever the hole, its size and its weights? Against elimination, and by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.propagation.poisson import Edges, solve_poisson
from tests.core_model.hidden_clips import texture

F32 = np.float32


def exact(
    image: NDArray[Any], free: NDArray[Any], differences: Edges, weights: Edges, hold: NDArray[Any]
) -> NDArray[Any]:
    """The same equations, each written down, and solved by elimination."""
    number = np.cumsum(free).reshape(free.shape) - 1
    matrix, right_side = np.zeros((free.sum(), free.sum())), np.zeros((free.sum(), len(image)))
    for (dy, dx), difference, weight in zip(((0, 1), (1, 0)), differences, weights, strict=True):
        for y, x in np.ndindex(weight.shape):
            for here, there, sign in (((y, x), (y + dy, x + dx), -1), ((y + dy, x + dx), (y, x), 1)):
                if free[here]:
                    n = number[here]
                    matrix[n, n] += weight[y, x]
                    right_side[n] += sign * weight[y, x] * difference[:, y, x]
                    if free[there]:
                        matrix[n, number[there]] -= weight[y, x]
                    else:
                        right_side[n] += weight[y, x] * image[(slice(None), *there)]
    own = np.arange(free.sum())
    matrix[own, own] += hold[free]
    right_side += (hold * image)[:, free].T
    solved = image.astype(np.float64)
    solved[:, free] = np.linalg.solve(matrix, right_side).T
    return solved


def free_pixels(rng: np.random.Generator, kind: str, height: int, width: int) -> NDArray[Any]:
    free = np.zeros((height, width), bool)
    if kind == "boxes":  # also such as reach the border
        for _ in range(rng.integers(1, 4)):
            y, x = rng.integers(-4, height), rng.integers(-4, width)
            free[max(y, 0) : y + rng.integers(1, height + 1), max(x, 0) : x + rng.integers(1, width + 1)] = True
    elif kind == "strokes":
        for _ in range(6):
            y, x, (dy, dx) = rng.integers(height), rng.integers(width), rng.normal(0, 1, 2)
            for step in range(30):
                free[int(y + dy * step) % height, int(x + dx * step) % width] = True
    else:
        free[:] = True
    return free


def equations(rng: np.random.Generator, height: int, width: int, channels: int = 3) -> tuple[Edges, Edges]:
    """Random differences and weights: the differences contradict each other."""
    shapes = (height, width - 1), (height - 1, width)
    differences = Edges(*(rng.normal(0, 15, (channels, *shape)).astype(F32) for shape in shapes))
    return differences, Edges(*(rng.choice(np.array([1, 0.3, 0.05], F32), shape) for shape in shapes))


@pytest.mark.parametrize("kind", ["boxes", "strokes", "everything"])
@pytest.mark.parametrize("seed", range(6))
def test_the_answer_is_that_of_elimination_to_two_levels(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 33, 2).tolist()
    free = free_pixels(rng, kind, height, width)
    hold = np.full((height, width), 0.001 if free.all() else rng.choice([0, 0.001]), F32)
    image = texture(height, width, seed).astype(F32).transpose(2, 0, 1)
    differences, weights = equations(rng, height, width)
    solved = solve_poisson(image, free, differences, weights, hold)
    assert np.abs(solved - exact(image, free, differences, weights, hold)).max() < 2
    assert np.array_equal(solved[:, ~free], image[:, ~free])


def rebuilt(truth: NDArray[Any], free: NDArray[Any], weights: Edges) -> NDArray[Any]:
    """The free pixels of an image from its own differences: any weights give the image."""
    differences = Edges(np.diff(truth, axis=2), np.diff(truth, axis=1))
    return solve_poisson(np.where(free, F32(0), truth), free, differences, weights, np.zeros(free.shape, F32))


def test_an_image_is_rebuilt_from_its_differences_at_every_side_and_parity() -> None:
    rng = np.random.default_rng(0)
    worst = {}
    for side in range(1, 131):
        height, width = (side, int(rng.integers(1, 131))) if side % 4 < 2 else (int(rng.integers(1, 131)), side)
        truth = texture(height, width, side).astype(F32).transpose(2, 0, 1)[:1]
        free = free_pixels(rng, "boxes" if side % 3 else "strokes", height, width)
        free[rng.integers(height), rng.integers(width)] = False
        _, weights = equations(rng, height, width, 1)
        worst[height, width] = np.abs(rebuilt(np.ascontiguousarray(truth), free, weights) - truth).max()
    assert max(worst.values()) < 2, max(worst.items(), key=lambda item: item[1])


@pytest.mark.parametrize("side", [8, 63, 64, 65, 128, 131, 256])
@pytest.mark.parametrize("power", [1, 2])
def test_a_ramp_or_a_bowl_goes_on_through_a_square_hole(side: int, power: int) -> None:
    """What is known of it is its rim and its second derivative: 0, or 2 in each direction."""
    y, x = np.mgrid[: side + 2, : side + 2] / F32(side + 1)
    truth = (200 * (x**power + y**power) / 2).astype(F32)[None]
    free = np.zeros(truth.shape[1:], bool)
    free[1:-1, 1:-1] = True
    ones = Edges(np.ones((side + 2, side + 1), F32), np.ones((side + 1, side + 2), F32))
    if power == 1:  # as smooth as can be: no difference at all
        differences = Edges(np.zeros((1, *ones.right.shape), F32), np.zeros((1, *ones.down.shape), F32))
        solved = solve_poisson(np.where(free, F32(0), truth), free, differences, ones, np.zeros(free.shape, F32))
    else:
        solved = rebuilt(truth, free, ones)
    assert np.abs(solved - truth).max() < 1


def step_drawn_over_grey(hold: float) -> tuple[NDArray[Any], NDArray[Any], Edges, Edges, NDArray[Any]]:
    """A window without a rim: a step of 20 levels, drawn over pixels that held 100 all over."""
    image = np.full((1, 20, 20), 100, F32)
    right = np.zeros((1, 20, 19), F32)
    right[0, :, 9] = 20
    ones = Edges(np.ones((20, 19), F32), np.ones((19, 20), F32))
    return image, np.ones((20, 20), bool), Edges(right, np.zeros((1, 19, 20), F32)), ones, np.full((20, 20), hold, F32)


def test_what_is_held_lightly_follows_its_differences_around_its_own_level() -> None:
    window = step_drawn_over_grey(0.001)
    solved = solve_poisson(*window)
    assert np.abs(solved - exact(*window)).max() < 1
    assert solved.mean() == pytest.approx(100, abs=1)


def test_what_nothing_holds_follows_its_differences_all_the_same() -> None:
    solved = solve_poisson(*step_drawn_over_grey(0))
    assert np.abs(solved[0, :, 10:] - solved[0, :, 9::-1] - 20).max() < 0.5
    assert solved.mean() == pytest.approx(100, abs=3)


def test_a_hole_of_no_pixel_and_one_that_nothing_ties_stay_as_they_are() -> None:
    image = texture(12, 9).astype(F32).transpose(2, 0, 1).copy()
    differences, weights = equations(np.random.default_rng(0), 12, 9)
    nothing = Edges(*(np.zeros_like(weight) for weight in weights))
    for free, weight in ((np.zeros((12, 9), bool), weights), (np.ones((12, 9), bool), nothing)):
        assert np.array_equal(solve_poisson(image, free, differences, weight, np.zeros((12, 9), F32)), image)
