"""Does the benchmark of quality hide what it says, look at the region only, and refuse what it cannot do?"""

import sys
from typing import Any

import numpy as np
import pytest

from benchmarks.quality import holes
from benchmarks.quality.__main__ import main
from benchmarks.quality.blending import blended
from benchmarks.quality.cases import GREY, Case
from benchmarks.quality.clips import FRAMES, HEIGHT, WIDTH, still_scene, with_gain
from benchmarks.quality.gates import gates
from benchmarks.quality.region import region_of, restore_region
from benchmarks.quality.score import Score, Speed
from benchmarks.quality.shiftmap import spread_frames
from benchmarks.quality.table import row


def scored(name: str = "wall", group: str = "seen", **figures: Any) -> Score:
    good: dict[str, Any] = {
        "telea_db": 20.0,
        "ours_db": 30.0,
        "worse": 0.0,
        "texture": 1.0,
        "seam": 1.0,
        "flicker": 1.0,
        "error": 1.0,
    }
    return Score(name, group, Speed(10.0, 2.0, 10.0, 2.0), 0.5)._replace(**good | figures)


def failed(*scores: Score) -> list[str]:
    return [gate.text for gate in gates([*scores]) if gate.holds is False]


def test_what_is_hidden_is_nowhere_left() -> None:
    clip, masks = still_scene(), holes.subtitles(boxed=True)
    hidden = Case("scene", "seen", clip, masks).hidden
    assert (hidden[masks] == GREY).all()
    assert (hidden[~masks] == clip[~masks]).all()


def test_subtitles_come_and_go_with_other_words() -> None:
    masks = holes.subtitles(boxed=False)
    shown = np.logical_or.reduce(masks, axis=(1, 2))
    assert shown.sum() == 40
    assert not shown[[0, 4, 25, 34, 55, 59]].any()
    assert (masks[5] == masks[24]).all()
    assert (masks[5] != masks[35]).any()


def test_a_third_of_a_damaged_frame_is_lost() -> None:
    masks = holes.damage(29)
    assert np.flatnonzero(masks.any((1, 2))).tolist() == [29]
    assert masks[29].mean() == pytest.approx(1 / 3, abs=0.001)


def test_the_scene_is_still_but_for_noise_and_what_crosses_it() -> None:
    top = still_scene()[:, :60].astype(np.float32)
    assert 1.3 < np.diff(top, axis=0).std() / np.sqrt(2) < 1.7
    assert (with_gain(still_scene(), np.full(FRAMES, 0.0)) == 0).all()


def test_the_region_is_the_holes_with_a_margin_on_a_grid() -> None:
    masks = np.zeros((2, 700, 900), bool)
    masks[0, 300:310, 400] = masks[1, 305, 400:420] = True
    assert region_of(masks) == (160, 448, 256, 576)
    masks[1, 699, 0] = True
    assert region_of(masks) == (160, 700, 0, 576)


def test_only_what_is_masked_changes() -> None:
    clip = still_scene()[:4, 60:150, 100:220].copy()
    masks = np.zeros(clip.shape[:3], bool)
    masks[1:3, 40:50, 50:60] = True
    restored = restore_region(Case("part", "seen", clip, masks).hidden, masks)
    assert (restored.frames[~masks] == clip[~masks]).all()
    assert (restored.frames[masks] != GREY).any()


def test_blending_takes_away_what_a_filling_is_too_bright_and_keeps_its_pattern() -> None:
    frame, hole = np.full((20, 30, 3), 100, np.uint8), np.zeros((20, 30), bool)
    hole[5:15, 20:] = True  # up to the frame's border
    filling = frame.copy()
    filling[hole] = 140  # the frame shows it nowhere
    assert (blended(frame, filling, hole) == 100).all()
    filling[10, 25] = 160
    result = blended(frame, filling, hole).astype(int)
    assert result[10, 25] - result[10, 24] == pytest.approx(20, abs=1)


def test_blending_knows_where_a_copy_comes_from() -> None:
    """The frame gets brighter to the right. A copy from 30 pixels further left is as much darker, everywhere."""
    texture = np.random.default_rng(1).integers(0, 60, (40, 30, 3))
    frame = (np.tile(texture, (1, 3, 1)) + np.arange(90)[:, None]).astype(np.uint8)
    hole = np.zeros((40, 90), bool)
    hole[10:30, 60:80] = True
    filling = frame.copy()
    filling[10:30, 60:80] = frame[10:30, 30:50]
    assert np.abs(blended(frame, filling, hole).astype(int) - frame).max() <= 1


def test_few_frames_are_spread_over_the_masked_ones() -> None:
    masks = np.zeros((60, 2, 2), bool)
    masks[10:41] = True
    assert spread_frames(masks) == [10, 20, 30, 40]
    masks[11:] = False
    assert spread_frames(masks) == [10]


def test_gates_hold_for_good_figures_and_name_the_case_that_misses_one() -> None:
    assert failed(scored()) == []
    assert [text for text in failed(scored(), scored("bad", ours_db=19.0)) if "in bad" in text]
    assert failed(scored(), scored("grey", "invented", texture=0.2))[0].startswith("texture")
    assert failed(scored(flicker=1.3))[0].startswith("flicker")
    assert failed(scored(flicker=1.3, group="moving")) == []
    assert failed(scored(seam_there=1.4, shiftmap_seam=1.2))[0].startswith("seam")
    assert failed(scored(seam_there=1.0, shiftmap_seam=0.8)) == []
    assert failed(scored()._replace(speed=Speed(4.0, 2.0, 4.0, 2.0)))[0].startswith("frames/s")


def test_a_score_that_orders_the_cases_wrongly_misses_its_gate() -> None:
    scores = [scored(f"case {n}", error=float(n))._replace(quality=n / 10) for n in range(4)]
    assert failed(*scores)[0].startswith("rank correlation")
    assert failed(*(score._replace(quality=1 - score.quality) for score in scores)) == []


def test_what_was_not_measured_stays_empty() -> None:
    assert row(Score("wall", "seen", Speed(2.5, np.nan, 2.5, np.nan), 0.7)).split("|")[2].strip() == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the folder of the sample clips"),
        (["--samples", "nowhere", "--against", "v0.0"], "this repository has no revision v0.0"),
        (
            ["--samples", "nowhere", "--no-shiftmap", "--against", "none", "--only", "nothing"],
            "no case's name contains",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.quality", *words])
    monkeypatch.delenv("REELMEND_SAMPLES", raising=False)
    with pytest.raises(SystemExit) as refusal:
        main()
    assert said in f"{refusal.value.code}{capsys.readouterr().err}"


def test_the_places_of_the_holes_are_within_the_frame() -> None:
    for masks in (holes.logo(), holes.strips(), holes.scratches(), holes.drifting_disc()):
        assert masks.shape == (FRAMES, HEIGHT, WIDTH)
        assert masks.any((1, 2)).all()
