"""Is what no frame shows continued from its surroundings, from nowhere else, and the same everywhere?"""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.texture import find_sources
from tests.core_model.hidden_clips import texture

HOLE = np.zeros((72, 96), bool)
HOLE[26:46, 36:60] = True
EVERYWHERE = np.ones(HOLE.shape, bool)


def found(picture: U8, hole: Bool = HOLE, usable: Bool = EVERYWHERE) -> NDArray[np.int32]:
    sources = find_sources(picture, hole, usable)
    assert sources is not None
    return sources


def continued(picture: U8) -> U8:
    sources = found(picture)
    return picture[sources[..., 0], sources[..., 1]]


def test_the_same_picture_gives_the_same_texture_also_in_another_process() -> None:
    again = """
import numpy as np
from tests.core_model.hidden_clips import texture
from tests.core_model.test_texture import HOLE, EVERYWHERE, find_sources
print(find_sources(texture(72, 96), HOLE, EVERYWHERE).tobytes().hex())
"""
    first, second = (found(texture(72, 96)) for _ in range(2))
    elsewhere = subprocess.run(
        [sys.executable, "-c", again],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()
    assert np.array_equal(first, second)
    assert first.tobytes().hex() == elsewhere


def test_what_the_picture_holds_in_the_hole_is_not_read() -> None:
    picture = texture(72, 96)
    painted = np.where(HOLE[..., None], np.uint8(255), picture)
    assert np.array_equal(found(picture), found(painted))


@pytest.mark.parametrize("at", [(0, 0), (26, 36), (52, 72)])
def test_no_source_lies_in_the_hole_or_where_it_must_not_and_the_rest_stays(at: tuple[int, int]) -> None:
    hole, usable = np.zeros(HOLE.shape, bool), np.ones(HOLE.shape, bool)
    hole[at[0] : at[0] + 20, at[1] : at[1] + 24] = True
    usable[:, :20] = False
    sources = found(texture(72, 96), hole, usable)
    rows, columns = sources[hole].T
    assert not hole[rows, columns].any()
    assert usable[rows, columns].all()
    assert np.array_equal(sources[~hole], np.dstack([*np.mgrid[:72, :96]])[~hole])


@pytest.mark.parametrize("turned", [False, True])
def test_an_edge_and_a_stripe_go_on_through_the_hole(turned: bool) -> None:
    picture = np.full((72, 96, 3), 70, np.float32)
    picture[:, 48:] = 180
    picture[:, 40:44] = 230
    if turned:
        picture = np.full((72, 96, 3), 70, np.float32)
        picture[36:] = 180
        picture[29:33] = 230
    truth = (picture + np.random.default_rng(0).normal(0, 2, picture.shape)).clip(0, 255).astype(np.uint8)
    wrong = np.abs(continued(truth).astype(int) - truth).max(2) > 20
    assert wrong[HOLE].mean() < 0.05


def test_where_nothing_may_be_copied_there_are_no_sources() -> None:
    assert find_sources(texture(72, 96), HOLE, ~EVERYWHERE) is None
    assert find_sources(texture(72, 96), EVERYWHERE, ~EVERYWHERE) is None
