"""A hole of the job's own kind is put where the picture is known, and what was there is kept as the truth."""

import numpy as np

from reelmend.pipelines.tuning.hidden import hide, hide_border


def test_the_real_hole_is_moved_with_its_shape_its_motion_and_what_covers_it() -> None:
    frames = np.random.default_rng(0).integers(0, 200, (4, 48, 64, 3), np.uint8)
    real = np.zeros((4, 48, 64), np.bool_)
    for t in range(4):
        real[t, 20:28, 10 + 2 * t : 18 + 2 * t] = True
    frames[real] = 255

    clip = hide("pan", frames, real)

    assert clip is not None
    hidden = clip.masks & ~real
    offsets = {tuple(np.argwhere(hidden[t]).min(axis=0) - np.argwhere(real[t]).min(axis=0)) for t in range(4)}
    assert len(offsets) == 1, "the same way in every frame: it moves as the real one does"
    assert np.array_equal(hidden.sum(axis=(1, 2)), real.sum(axis=(1, 2)))
    assert np.array_equal(clip.truth, frames)
    assert (clip.frames[hidden] == 255).all(), "what covers the real hole covers this one"
    assert np.array_equal(clip.frames[~hidden], frames[~hidden])
    assert not (clip.scored & real).any()
    assert clip.scored.sum() == hidden.sum()


def test_where_the_real_hole_has_no_place_beside_itself_a_smaller_one_is_taken() -> None:
    frames = np.zeros((2, 48, 64, 3), np.uint8)
    real = np.zeros((2, 48, 64), np.bool_)
    real[:, :28, :] = True  # more than half of the height: a second one of its size would cover the first
    clip = hide("large", frames, real)
    assert clip is not None
    assert clip.scale == 0.5
    assert clip.scored[0].sum() == 14 * 32
    assert not clip.scored[:, :28].any()


def test_a_picture_that_is_missing_everywhere_has_no_truth() -> None:
    assert hide("all", np.zeros((2, 48, 64, 3), np.uint8), np.ones((2, 48, 64), np.bool_)) is None


def test_outpainting_hides_as_much_of_the_border_as_it_would_invent() -> None:
    frames = np.full((1, 40, 60, 3), 7, np.uint8)
    clip = hide_border("wide", frames, 1.5, 1.0)
    columns = np.flatnonzero(~clip.masks[0].any(axis=0))
    assert (columns[0], columns[-1] + 1) == (10, 50), "60 columns are 1.5 times the 40 that stay"
    assert np.array_equal(clip.scored, clip.masks)
