"""The cases of the benchmark of ways to compute less fit together."""

import numpy as np
import pytest
import torch

from benchmarks.compute_less.case import Case, Measured
from benchmarks.compute_less.cases import all_cases, case_named
from benchmarks.compute_less.clips import behind_box, behind_disc
from benchmarks.compute_less.count import count_gflop


def test_every_row_has_a_plain_row_before_it() -> None:
    for case in all_cases():
        names = [row.name for row in case.rows]
        assert len(set(names)) == len(names)
        assert all((row.plain or names[0]) in names[: number + 1] for number, row in enumerate(case.rows)), case.name


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_gates_ask_for_rows_that_there_are(case: Case) -> None:
    same = Measured(gflop=1.0, cpu_s=1.0, peak_mb=1.0, truth_db=20.0, plain_db=30.0, warping=1.0)
    gates = list(case.gates({row.name: same for row in case.rows}))
    assert all(isinstance(what, str) and value >= 0 and most >= 0 for what, value, most in gates)


def test_a_clip_pans_behind_its_hole() -> None:
    for clip in (behind_box(3, (64, 48), (20, 10, 8, 6)), behind_disc(3, (64, 48))):
        assert np.array_equal(clip.truth[1:, :, : -clip.pan_px], clip.truth[:-1, :, clip.pan_px :])
        assert (clip.hidden[clip.masks] == 128).all()
        assert np.array_equal(clip.hidden[~clip.masks], clip.truth[~clip.masks])
        assert clip.masks.any(axis=(1, 2)).all()


def test_a_case_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(KeyError, match="moving disc"):
        case_named("moving disk")


def test_operations_are_counted_without_the_products_being_computed() -> None:
    """A 3x3 convolution from 3 to 8 channels, 14x14 places; a product of 4x5 and 5x6."""
    conv, picture = torch.nn.Conv2d(3, 8, 3), torch.ones(1, 3, 16, 16)
    found = []

    def work() -> None:
        with torch.inference_mode():
            found.append(conv(picture))
            found.append(torch.ones(4, 5) @ torch.ones(5, 6))

    assert count_gflop(work) * 1e9 == 2 * (14 * 14 * 8 * 27 + 4 * 5 * 6)
    assert [(*result.shape,) for result in found] == [(1, 8, 14, 14), (4, 6)]
    assert not any(result.any() for result in found)
