"""Does the page work where it is read: in a browser, opened from a disk?"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import Browser, a_browser, in_browser
from pages import HOSTILE, pictured, quarantined, restored, strip, work_folder, write

from pipelines.report import page as report_page

pytestmark = in_browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with a_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report of 450 items with pictures and 20 bad ones, in a page and three scripts beside it."""
    for name, value in {"INLINE_ROWS": 100, "FIRST_ROWS": 50, "PART_ROWS": 150}.items():
        monkeypatch.setattr(report_page, name, value)
    good = [pictured(tmp_path, f"clip_{n:03d}.mp4", strip(n % 9), seconds={"flow": n}) for n in range(450)]
    return write(tmp_path, [*good, *(quarantined(f"bad_{n}.mp4") for n in range(20))])


def opened(browser: Browser, page: Path, size: tuple[int, int] = (1000, 1400)) -> Browser:
    browser.complaints.clear()
    browser.open(page.resolve().as_uri(), size)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    return browser


def test_the_script_runs_without_an_error_and_hostile_names_stay_text(tmp_path: Path, browser: Browser) -> None:
    rows = [pictured(tmp_path, "a.mp4"), pictured(tmp_path, HOSTILE), quarantined(HOSTILE, HOSTILE)]
    opened(browser, write(tmp_path, rows, halted=HOSTILE))
    assert len(browser.texts(".card")) == 2
    assert browser.value("[document.querySelectorAll('img').length, window.owned === undefined]") == [0, True]
    assert browser.texts(".reason") == [HOSTILE]
    assert browser.complaints == []


def test_the_slider_shows_before_on_its_left_and_after_on_its_right(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [pictured(tmp_path, "a.mp4")]))
    browser.wait("document.querySelector('.card').style.getPropertyValue('--strip')")
    browser.screenshot(tmp_path / "shot.png")
    picture = cv2.imread(str(tmp_path / "shot.png")).astype(int)
    blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
    before = np.argwhere((red > 180) & (green < 60) & (blue < 60))
    after = np.argwhere((green > 120) & (red < 60) & (blue < 60))
    assert len(before) > 5000
    assert 0.9 < len(before) / len(after) < 1.1
    assert before[:, 1].max() < after[:, 1].min()


def test_many_items_are_paged_searched_and_sorted(browser: Browser, many: Path) -> None:
    opened(browser, many)
    assert browser.texts(".count") == ["20", "470", "450"]
    assert browser.texts("#table tbody .badge")[:21] == ["quarantined"] * 20 + ["restored"]
    browser.click("#list-section [aria-label='Next page']")
    browser.wait("document.querySelector('#list-section .range').innerText === '101–200 of 470'")
    assert browser.texts("#table .name bdi")[0] == "clip_080.mp4"
    browser.click("[data-sort=seconds]")
    browser.click("[data-sort=seconds]")
    browser.wait("document.querySelector('#table .name bdi').innerText === 'clip_449.mp4'")
    browser.type("#search", "IP_44")
    browser.wait("document.querySelectorAll('#table tbody tr').length === 10")
    assert browser.texts(".card bdi") == [f"clip_44{n}.mp4" for n in range(10)]
    browser.click("[data-state=quarantined]")
    browser.wait("!document.querySelector('#nothing').hidden")
    assert browser.complaints == []


def test_pictures_beside_the_page_are_read_when_they_are_scrolled_to(browser: Browser, many: Path) -> None:
    opened(browser, many, size=(1000, 300))
    loaded = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.jpg')).length"
    assert browser.value(loaded) == 0
    browser.value("document.querySelector('.card').scrollIntoView()")
    browser.wait("document.querySelector('.card').style.getPropertyValue('--strip')")
    assert browser.value("document.querySelectorAll('.card').length") == 12
    assert browser.complaints == []


def test_the_pictures_of_any_item_open_from_its_line(browser: Browser, many: Path) -> None:
    opened(browser, many)
    browser.type("#search", "clip_300")
    browser.wait("document.querySelectorAll('#table tbody tr').length === 1")
    browser.click("#table .look")
    browser.wait("document.querySelector('#viewer .card')?.style.getPropertyValue('--strip')")
    assert browser.texts("#viewer bdi") == ["clip_300.mp4"]


def test_a_picture_that_is_gone_is_said_to_be(tmp_path: Path, browser: Browser, many: Path) -> None:
    for picture in (work_folder(tmp_path) / "report/previews").iterdir():
        picture.unlink()
    opened(browser, many)
    browser.value("document.querySelector('.card').scrollIntoView()")
    browser.wait("document.querySelector('.gone')?.innerText === 'The pictures of this item are gone.'")


def test_a_page_without_the_scripts_beside_it_says_what_is_missing(browser: Browser, many: Path) -> None:
    script = sorted(many.parent.glob("report/items-*-2.js"))[0]
    script.unlink()
    browser.open(many.resolve().as_uri())
    browser.wait("!document.querySelector('#trouble').hidden")
    assert browser.texts("#trouble")[0].startswith(f"report/{script.name} is not beside this page")
    assert browser.texts("#items .count") == ["200"]


def test_the_page_does_not_scroll_sideways_on_a_narrow_screen(tmp_path: Path, browser: Browser) -> None:
    rows = [pictured(tmp_path, "a.mp4"), restored("z" * 200, started_at=1.0), quarantined("x" * 300, "y" * 300)]
    opened(browser, write(tmp_path, rows), size=(400, 900))
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
