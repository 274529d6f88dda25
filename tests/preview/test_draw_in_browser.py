"""A mask is drawn on a video in headless Chromium, saved, and used by a run."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.engines.sam import source as sam_source
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.preview.draw.saved import Saved
from reelmend.pipelines.preview.draw.server import DrawServer
from reelmend.pipelines.preview.draw.subject import read_subject
from tests.browser import Browser, a_browser, in_browser
from tests.clips import scene, write_clip
from tests.servers import in_thread
from tests.tiny_sam import tiny_network

WIDTH, HEIGHT, FRAMES = 160, 120, 6
WHITE = 255
"""Brighter than anything in the scene."""


def in_a_browser(test: Callable[..., None]) -> Callable[..., None]:
    for mark in in_browser:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with a_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def marked() -> NDArray[np.bool_]:
    """What is drawn below, pixel by pixel: bool [T, H, W]."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), np.bool_)
    masks[2:5, 10:40, 20:60] = True  # a box, in frames 2 to 4
    masks[:, 20:41, 80:121] = True  # a polygon like an L: its corners are pixels of it
    masks[:, 41:61, 80:101] = True
    masks |= passed_over()
    return masks


def passed_over() -> NDArray[np.bool_]:
    """A brush 10 pixels wide from (30, 80) to (70, 80), looked at pixel by pixel."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            to_line = max(30 - (x + 0.5), 0, (x + 0.5) - 70)
            mask[y, x] = np.hypot(to_line, y + 0.5 - 80) <= 5
    return mask


def film(path: str) -> Path:
    pictures = scene(FRAMES, (WIDTH, HEIGHT))
    pictures[marked()] = WHITE
    return write_clip(Path(path), pictures=pictures, codec="ffv1", pix_fmt="bgr0", audio=False)


def pictures(path: Path) -> NDArray[np.uint8]:
    info = inspect_video(path)
    return np.stack([*Clip(info, 0, info.frames, ((0, info.frames),)).pictures()])


@contextmanager
def drawing_on(path: Path, results: list[Saved]) -> Iterator[str]:
    with in_thread(DrawServer(0, read_subject(f"{path}", "painted.png"), results.append, keep=True)) as server:
        yield server.url


def over(browser: Browser, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points of the picture as points of the window."""
    settle(browser)
    left, top, width, height = browser.value(
        "(({left, top, width, height}) => [left, top, width, height])(stage.getBoundingClientRect())"
    )
    return [(left + x / WIDTH * width, top + y / HEIGHT * height) for x, y in points]


def settle(browser: Browser) -> None:
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def draw(browser: Browser, *points: tuple[float, float], touch: bool = False) -> None:
    browser.drag(*over(browser, points), touch=touch)


def click(browser: Browser, *points: tuple[float, float]) -> None:
    for point in points:
        draw(browser, point)


def set_field(browser: Browser, selector: str, value: object) -> None:
    browser.value(
        f"(({{dispatchEvent}}, field) => {{ field.value = '{value}'; field.dispatchEvent(new Event('input')); "
        f"field.dispatchEvent(new Event('change')); }})({{}}, document.querySelector('{selector}'))"
    )


def listed(browser: Browser) -> list[str]:
    settle(browser)
    return [" ".join(text.split()) for text in browser.texts("#list button")]


def to_the_picture_by_keys(browser: Browser) -> None:
    browser.value("document.querySelector('[data-tool=eraser]').focus()")
    while browser.value("document.activeElement.id") != "stage":
        browser.press("Tab")


def saved_expression(browser: Browser) -> str:
    browser.press("s", control=True)
    browser.wait("document.documentElement.dataset.saved === 'yes'")
    return browser.texts("#expression")[0]


@in_a_browser
def test_a_drawn_mask_is_saved_and_the_printed_command_changes_its_pixels_and_no_others(
    folder: Path, browser: Browser
) -> None:
    film("film.mkv")
    line = [sys.executable, "-m", "reelmend.pipelines.cli", "mask", "draw", "film.mkv", "--no-open"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        address = next(word for told in command.stdout for word in told.split() if word.startswith("http://127.0.0.1:"))
        browser.open(address)

        browser.press("b")
        draw(browser, (20.3, 10.3), (40, 30), (59.6, 39.6))
        browser.press("s", "ArrowRight", "ArrowRight")
        browser.wait("document.documentElement.dataset.shown === '2'")
        browser.click("#some")
        browser.click("#from-here")
        set_field(browser, "#last", 4)
        assert listed(browser) == ["Box 1 20,10 40×30, frames 2 to 4"]

        browser.press("p")
        corners = [(80.5, 20.5), (120.5, 20.5), (120.5, 40.5), (100.5, 40.5), (100.5, 60.5), (80.5, 60.5)]
        click(browser, *corners, corners[0])

        browser.press("a")
        set_field(browser, "#brush", 10)
        draw(browser, (30, 80), (45, 80), (70, 80))
        browser.press("r")
        browser.wait("document.documentElement.dataset.outlined === '2'")
        share = cv2.dilate(marked()[2].astype(np.uint8), cv2.getStructuringElement(1, (3, 3)), iterations=4).mean()
        assert browser.texts("#status") == [
            f"{share:.2%} of this frame is masked, grown by 4 pixels.".replace("%", " %")
        ]

        expression = saved_expression(browser)
        told = command.stdout.read()
        assert command.wait(10) == 0
    assert expression == "film_mask.png + box:20,10,40,30@2:5 + polygon:80,20,120,20,120,40,100,40,100,60,80,60"
    assert [term.name for term in read_expression(expression).terms] == ["file", "box", "polygon"]
    assert browser.complaints == []
    np.testing.assert_array_equal(cv2.imread("film_mask.png", cv2.IMREAD_UNCHANGED), passed_over() * np.uint8(255))

    printed = next(row for row in told.splitlines() if row.startswith("run ")).removeprefix("run").strip()
    assert browser.texts("#command") == [printed]
    settings = ["run.executor=inline", "plan.shots=false", "mask.dilation=0", "stitch.codec=ffv1"]
    done = CliRunner().invoke(app, [*shlex.split(printed)[1:], *settings])
    assert done.exit_code == 0, done.output
    before, after = pictures(Path("film.mkv")), pictures(Path("out/film.mkv"))
    np.testing.assert_array_equal(after[~marked()], before[~marked()])
    assert not (after[marked()] == WHITE).all(axis=-1).any()


@in_a_browser
def test_shapes_are_moved_changed_undone_and_deleted_and_an_object_is_followed(folder: Path, browser: Browser) -> None:
    results: list[Saved] = []
    with drawing_on(film("film.mkv"), results) as address:
        browser.open(address)
        browser.press("b")
        draw(browser, (20.3, 10.3), (59.6, 39.6))
        browser.press("s")
        draw(browser, (40, 25), (45, 35))
        assert listed(browser) == ["Box 1 25,20 40×30, all frames"]
        browser.press("ArrowLeft", "ArrowLeft", "ArrowDown")
        browser.press("ArrowDown", shift=True)
        assert listed(browser) == ["Box 1 23,31 40×30, all frames"]
        browser.press("z", control=True)
        assert listed(browser) == ["Box 1 25,20 40×30, all frames"]
        draw(browser, (65, 50), (75.2, 54.9))  # its lower right corner
        assert listed(browser) == ["Box 1 25,20 50×35, all frames"]
        draw(browser, (50, 40), (500, 40))  # no further than the edge
        assert listed(browser) == ["Box 1 110,20 50×35, all frames"]
        browser.press("End", "f")
        assert listed(browser) == ["Followed box 1 110,20 50×35, from frame 5 through its shot"]

        browser.press("a")
        draw(browser, (30, 80), (70, 80))
        browser.press("z", control=True)
        browser.press("y", control=True)
        assert len(listed(browser)) == 2
        browser.click("#list li:first-child button")
        browser.press("Delete")
        assert saved_expression(browser) == "track:110,20,50,35@5"
    assert [saved.image for saved in results] == [""]
    assert not Path("painted.png").exists()
    assert browser.complaints == []


@in_a_browser
def test_an_object_is_clicked_on_where_a_network_that_follows_it_is_there(
    folder: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_network()
    film("film.mkv")
    with drawing_on(Path("film.mkv"), []) as address:
        browser.open(address)
        assert browser.texts("[data-tool=click]") == [], "the network has no weights here"
    monkeypatch.setattr(sam_source, "problem", lambda: "")
    monkeypatch.setattr(sam_source, "loaded", lambda: network)
    with drawing_on(Path("film.mkv"), []) as address:
        browser.open(address)
        browser.press("End", "c")
        click(browser, (100.4, 50.2))
        browser.value("at('off').click()")
        click(browser, (30, 20), (90, 60))  # the first is not on the object
        assert listed(browser) == ["Clicked object 1 3 points, from frame 5 through its shot"]
        browser.press("z", control=True)
        assert listed(browser) == ["Clicked object 1 2 points, from frame 5 through its shot"]
        browser.press("r")
        browser.wait("document.documentElement.dataset.outlined === '5'")
        assert "% of this frame is masked" in browser.texts("#status")[0]
        assert saved_expression(browser) == "points:100,50,-30,20@5"
    assert browser.complaints == []


@in_a_browser
def test_everything_can_be_drawn_with_the_keyboard_alone(folder: Path, browser: Browser) -> None:
    results: list[Saved] = []
    with drawing_on(film("film.mkv"), results) as address:
        browser.open(address)
        to_the_picture_by_keys(browser)
        browser.press("b", " ")  # the cross is in the middle, at 80, 60
        browser.press("ArrowRight", "ArrowDown", shift=True)
        browser.press("ArrowDown", " ")
        browser.press("p", "Enter")
        browser.press("ArrowUp", "ArrowUp", shift=True)
        browser.press("Enter")
        browser.press("ArrowLeft", shift=True)
        browser.press(" ", "Enter")
        assert saved_expression(browser) == "box:80,60,10,11 + polygon:90,71,90,51,80,51"


@in_a_browser
def test_what_was_drawn_a_moment_ago_is_saved_though_no_frame_of_the_page_shows_it_yet(
    folder: Path, browser: Browser
) -> None:
    results: list[Saved] = []
    with drawing_on(film("film.mkv"), results) as address:
        browser.open(address)
        to_the_picture_by_keys(browser)
        browser.value("window.requestAnimationFrame = () => 0")
        browser.press("b", " ", "ArrowRight", "ArrowDown", " ")
        assert saved_expression(browser) == "box:80,60,1,1"


@in_a_browser
def test_on_a_phone_one_draws_with_a_finger_and_nothing_is_wider_than_the_screen(
    folder: Path, browser: Browser
) -> None:
    results: list[Saved] = []
    with drawing_on(film("film.mkv"), results) as address:
        browser.open(address, (360, 740))
        browser.click("[data-tool=brush]")
        draw(browser, (30, 80), (50, 60), (70, 80), touch=True)
        browser.click("[data-tool=box]")
        draw(browser, (20.3, 10.3), (59.6, 39.6), touch=True)
        assert browser.value("document.documentElement.scrollWidth") == 360
        assert saved_expression(browser) == "painted.png + box:20,10,40,30"
    assert browser.complaints == []
