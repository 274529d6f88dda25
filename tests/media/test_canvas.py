"""The picture keeps its place on the canvas, to the pixel, at every size that anything is worked at."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import FlowConfig, JobConfig, OutpaintConfig, ProcessConfig
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of_size, canvas_settings
from reelmend.pipelines.media.canvas.flow import canvas_flow_size, lay_flow
from reelmend.pipelines.media.sizes import flow_size, process_size

lengths = st.integers(1, 2000)
factors = st.floats(1, 4)
cells = st.sampled_from([1, 2, 4])


@given(lengths, factors, cells)
def test_a_side_is_as_long_as_asked_for_and_the_picture_lies_in_its_middle(
    length: int, scale: float, cell: int
) -> None:
    canvas = Canvas.around((length, 8), scale, 1.0, (cell, cell))
    assert (canvas.height, canvas.top) == (8, 0), "a factor of 1 adds nothing"
    if scale == 1:
        assert (canvas.width, canvas.left) == (length, 0)
        return
    right = canvas.width - canvas.left - length
    assert canvas.width % 2 == 0
    assert canvas.width > length
    assert abs(canvas.width - length * scale) <= 1 or canvas.width - length <= 2
    assert canvas.left % max(2, cell) == 0
    assert 0 <= right - canvas.left < 2 * max(2, cell)


def test_odd_sizes_get_an_even_canvas() -> None:
    canvas = Canvas.around((97, 61), 1.5, 1.5, (2, 2))
    assert canvas == Canvas(146, 92, 24, 14, 97, 61)


def test_factors_are_those_of_the_picture_as_it_is_shown() -> None:
    job = JobConfig(mode=Mode.outpaint, outpaint=OutpaintConfig(2.0, 1.0))
    assert canvas_of_size((96, 64), job).size == (192, 64)
    assert canvas_of_size((96, 64), job, turned=True).size == (96, 128)


def test_without_outpainting_the_canvas_is_the_picture_whatever_the_factors() -> None:
    plain, scaled = JobConfig(), JobConfig(outpaint=OutpaintConfig(2.0, 2.0))
    assert canvas_of_size((97, 61), scaled) == Canvas.of((97, 61))
    assert not Canvas.of((97, 61)).grows
    assert canvas_settings(plain) == canvas_settings(scaled), "factors that are not used are no part of an identity"


def test_a_picture_is_laid_in_its_place_and_nothing_else_is_touched() -> None:
    canvas = Canvas(10, 8, 4, 2, 3, 5)
    picture = np.arange(1, 46, dtype=np.uint8).reshape(5, 3, 3)
    laid = canvas.lay(picture, around=0)
    assert laid.shape == (8, 10, 3)
    assert np.array_equal(laid[2:7, 4:7], picture)
    assert np.count_nonzero(laid) == picture.size


@st.composite
def jobs_and_pictures(draw: st.DrawFn) -> tuple[JobConfig, tuple[int, int]]:
    picture = draw(st.tuples(st.integers(24, 150), st.integers(24, 150)))
    job = JobConfig(mode=Mode.outpaint, outpaint=OutpaintConfig(draw(st.floats(1.01, 3)), draw(st.floats(1, 3))))
    job.process = ProcessConfig(max_side=draw(st.sampled_from([0, 40, 100, 151])))
    job.flow = FlowConfig(max_side=draw(st.sampled_from([0, 32, 70])))
    return job, picture


@given(jobs_and_pictures(), st.tuples(*[st.floats(-0.05, 0.05)] * 4), st.tuples(*[st.floats(-5, 5)] * 2))
def test_flow_on_the_canvas_leads_from_and_to_the_same_points_of_the_picture(
    case: tuple[JobConfig, tuple[int, int]], slopes: tuple[float, float, float, float], moves: tuple[float, float]
) -> None:
    """A motion that is linear in the picture is known everywhere, whatever grid it was measured and laid on."""
    job, picture = case
    canvas = canvas_of_size(picture, job)
    matrix = np.array(slopes).reshape(2, 2)

    def motion(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        points = np.stack([x, y])
        led: NDArray[Any] = np.einsum("ij,j...->i...", matrix, points) + np.array(moves)[:, None, None]
        return led

    measured = flow_size(picture, job)
    flow = motion(*centres(measured, picture)) * ratio(measured, picture)
    size = canvas_flow_size(canvas, job)
    laid = lay_flow(flow[None].astype(np.float16), canvas, size)[0].astype(np.float64)

    x, y = centres(size, canvas.size)
    x, y = x - canvas.left, y - canvas.top
    pixel = np.array([picture[0] / measured[0], picture[1] / measured[1]]) / 2
    well_inside = (x > pixel[0]) & (x < picture[0] - pixel[0]) & (y > pixel[1]) & (y < picture[1] - pixel[1])
    wanted = motion(x, y) * ratio(size, canvas.size)
    assert np.abs(laid - wanted)[:, well_inside].max(initial=0) < 0.03
    outside = (x < 0) | (x > picture[0]) | (y < 0) | (y > picture[1])
    assert not laid[:, outside].any()


@given(jobs_and_pictures())
def test_flow_is_never_finer_than_the_restored_canvas_nor_than_it_was_measured(
    case: tuple[JobConfig, tuple[int, int]],
) -> None:
    job, picture = case
    canvas = canvas_of_size(picture, job)
    width, height = canvas_flow_size(canvas, job)
    most, measured = process_size(canvas.size, job), flow_size(picture, job)
    assert width <= most[0]
    assert height <= most[1]
    assert width <= canvas.width * measured[0] / picture[0] + 0.5


def test_flow_measured_at_the_sources_size_is_copied_as_it_is() -> None:
    canvas = Canvas(40, 24, 10, 4, 21, 15)
    flow = np.random.default_rng(0).normal(0, 5, (3, 2, 15, 21)).astype(np.float16)
    laid = lay_flow(flow, canvas, (40, 24))
    assert np.array_equal(laid[:, :, 4:19, 10:31], flow)
    assert np.count_nonzero(laid) == np.count_nonzero(flow)


def centres(size: tuple[int, int], space: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where in `space` (width, height) the centres of a grid's pixels lie: (x, y), each [h, w]."""
    x, y = ((np.arange(count) + 0.5) * (length / count) for count, length in zip(size, space, strict=True))
    return np.meshgrid(x, y)


def ratio(size: tuple[int, int], space: tuple[int, int]) -> NDArray[Any]:
    return np.array([size[0] / space[0], size[1] / space[1]])[:, None, None]
