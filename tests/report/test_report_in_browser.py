"""The page where it is read: in a browser, opened from a disk."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.observe.report import page as report_page
from tests.browser import Browser, a_browser, in_browser
from tests.pages import HOSTILE, judged, moving, pictured, quarantined, restored, strip, work_folder, write

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


def test_before_stands_on_the_left_and_after_on_the_right_also_of_strips_of_older_runs(
    tmp_path: Path, browser: Browser
) -> None:
    opened(browser, write(tmp_path, [pictured(tmp_path, "a.mp4")]))
    browser.wait("document.querySelector('.card').style.getPropertyValue('--strip')")
    picture = colours(browser, tmp_path / "shot.png")
    blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
    before = np.argwhere((red > 180) & (green < 60) & (blue < 60))
    after = np.argwhere((green > 120) & (red < 60) & (blue < 60))
    assert len(before) > 5000
    assert browser.value("document.querySelector('.card .switch').hidden")
    assert 0.9 < len(before) / len(after) < 1.1
    assert before[:, 1].max() < after[:, 1].min()


def choose(browser: Browser, selector: str, value: str) -> None:
    script = "(found, value) => { found.value = value; found.dispatchEvent(new Event('change')); }"
    browser.value(f"({script})(document.querySelector('{selector}'), '{value}')")


def colours(browser: Browser, shot: Path) -> NDArray[np.int_]:
    """Blue, green and red of what is on the screen."""
    browser.screenshot(shot)
    picture = cv2.imread(str(shot))
    assert picture is not None
    return picture.astype(int)


def test_the_sections_come_pictures_first_and_telemetry_last(tmp_path: Path, browser: Browser) -> None:
    rows = [moving(tmp_path, "good.mp4"), judged(tmp_path, "odd.mp4", 0.4, "it flickers"), quarantined("bad.mp4")]
    opened(browser, write(tmp_path, rows))
    assert browser.texts("h2:not(.small)") == [
        "Needs a look 2",
        "Before and after 1",
        "All items 3",
        "How the run went",
    ]
    assert " ".join(browser.texts("#line .line")[0].split()) == "3 items 2 restored 1 quarantined 1 to review"
    tops = "['.line', '.card .compare', '.tiles'].map((one) => document.querySelector(one).getBoundingClientRect().top)"
    line, media, tiles = browser.value(tops)
    assert line < media < 400 < tiles


def test_what_needs_a_look_is_sorted_by_score_and_says_why(tmp_path: Path, browser: Browser) -> None:
    scores = {"c.mp4": 0.7, "a.mp4": 0.25, "b.mp4": 0.5}
    odd = [judged(tmp_path, name, score, f"reason of {name}") for name, score in scores.items()]
    opened(browser, write(tmp_path, [judged(tmp_path, "good.mp4", 0.9), *odd, quarantined("bad.mp4", "cut off")]))
    assert browser.texts("#review bdi") == [
        *("a.mp4", "reason of a.mp4", "b.mp4", "reason of b.mp4", "c.mp4", "reason of c.mp4"),
    ]
    assert browser.texts("#attention-section .score") == ["score 0.25", "score 0.50", "score 0.70"]
    assert browser.texts(".problem .reason") == ["cut off"]
    assert browser.texts("#gallery .title bdi") == ["good.mp4"]
    assert "94 % of the hole seen in other frames, 3 frames away on average" in browser.texts("#gallery .words .dim")
    browser.type("#search", "reason of b")
    browser.wait("document.querySelectorAll('#review .card').length === 1")
    assert browser.texts("#attention-section .count") == ["1"]


def test_pictures_are_ordered_by_score_time_or_name(tmp_path: Path, browser: Browser) -> None:
    made = (("clip_10", 0.9, 5.0), ("clip_9", None, 7.0), ("clip_2", 0.8, 6.0))
    rows = [moving(tmp_path, name, **({} if score is None else {"quality_score": score})) for name, score, _ in made]
    for row, (_, _, seconds) in zip(rows, made, strict=True):
        row.seconds = {"flow": seconds}
    opened(browser, write(tmp_path, rows))
    for order, names in (
        ("score", ["clip_2", "clip_10", "clip_9"]),
        ("time", ["clip_9", "clip_2", "clip_10"]),
        ("name", ["clip_2", "clip_9", "clip_10"]),
        ("run", ["clip_10", "clip_9", "clip_2"]),
    ):
        choose(browser, "#order", order)
        wanted = f"{names}".replace(" ", "")
        shown = "JSON.stringify([...document.querySelectorAll('#gallery .title bdi')].map((one) => one.innerText))"
        browser.wait(f'{shown}.replaceAll(\'"\', "\'") === "{wanted}"')


def test_frames_play_by_themselves_and_stop_when_they_cannot_be_seen(tmp_path: Path, browser: Browser) -> None:
    page = write(tmp_path, [moving(tmp_path, "a.mp4")])
    browser.prefer_motion(True)
    try:
        opened(browser, page)
    finally:
        browser.prefer_motion(False)
    at = "document.querySelector('.moment').value"
    assert browser.texts("#play-all") == ["Pause all"]
    first = browser.value(at)
    browser.wait(f"{at} !== '{first}' && document.querySelector('output').innerText.startsWith('frame 3')")
    browser.value("document.body.append(Object.assign(document.createElement('div'), {style: 'height: 9000px'}))")
    browser.value("scrollTo({top: 8000, behavior: 'instant'})")
    browser.wait("[...shownCards.values()].every((player) => !player.visible)")
    held = browser.value(f"new Promise((done) => {{ const was = {at}; setTimeout(() => done(was === {at}), 300); }})")
    assert held
    assert browser.complaints == []


def test_nothing_moves_for_who_wants_less_motion_until_play_is_pressed(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [moving(tmp_path, "a.mp4")]))
    at = "document.querySelector('.moment').value"
    assert browser.value(f"new Promise((done) => setTimeout(() => done({at}), 300))") == "1"
    assert browser.texts("output") == ["frame 30"]
    browser.click(".card .play")
    browser.wait(f"{at} !== '1'")


def test_moments_of_the_whole_clip_are_one_click_away(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [moving(tmp_path, "a.mp4")]))
    browser.click(".card .moments")
    browser.value(
        "const last = document.querySelector('.moment'); last.value = last.max; last.dispatchEvent(new Event('input'))"
    )
    assert browser.texts("output") == ["frame 40"]


def test_the_hole_is_outlined_before_only_or_on_both_sides_or_not_at_all(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [moving(tmp_path, "a.mp4")]))
    browser.wait("document.querySelector('.card').style.getPropertyValue('--outline')")
    seen = {}
    for where in ("before", "both", "off"):
        choose(browser, "#outline", where)
        picture = colours(browser, tmp_path / "shot.png")
        blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
        yellow = np.argwhere((red > 200) & (green > 180) & (blue < 140))[:, 1]
        middle = browser.value("document.querySelector('.side.after').getBoundingClientRect().left")
        seen[where] = (int((yellow < middle).sum()) > 50, int((yellow > middle).sum()) > 50)
    assert seen == {"before": (True, False), "both": (True, True), "off": (False, False)}
    assert browser.complaints == []


def test_the_whole_frame_is_shown_beside_what_is_large(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [moving(tmp_path, "a.mp4")]))
    browser.wait("document.querySelector('.card').style.getPropertyValue('--strip')")
    picture = colours(browser, tmp_path / "shot.png")
    assert ((picture[..., 0] > 180) & (picture[..., 1] < 60) & (picture[..., 2] < 60)).sum() > 5000


def test_with_the_slider_before_and_after_share_one_picture(tmp_path: Path, browser: Browser) -> None:
    opened(browser, write(tmp_path, [moving(tmp_path, "a.mp4")]))
    choose(browser, "#view", "slider")
    choose(browser, "#outline", "off")
    widths = "['.side.before', '.side.after'].map((one) => document.querySelector(one).getBoundingClientRect().left)"
    assert len(set(browser.value(widths))) == 1
    cut = "const cut = document.querySelector('.cut'); cut.value = 25; cut.dispatchEvent(new Event('input'))"
    browser.value(cut)
    picture = colours(browser, tmp_path / "shot.png")
    before = (picture[..., 2] > 180) & (picture[..., 1] < 60) & (picture[..., 0] < 60)
    after = (picture[..., 1] > 120) & (picture[..., 2] < 60) & (picture[..., 0] < 60)
    assert 0.28 < before.sum() / after.sum() < 0.38


def test_many_items_are_paged_searched_and_sorted(browser: Browser, many: Path) -> None:
    opened(browser, many)
    assert browser.texts(".count") == ["20", "450", "470"]
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
    assert browser.texts("#trouble")[0].startswith(f"report/{script.name} is missing beside this page")
    assert browser.texts("#items .count") == ["200"]


def test_the_page_does_not_scroll_sideways_on_a_narrow_screen(tmp_path: Path, browser: Browser) -> None:
    odd = judged(tmp_path, "w" * 200, 0.3, "v" * 300)
    rows = [odd, moving(tmp_path, "a.mp4"), restored("z" * 200, started_at=1.0), quarantined("x" * 300, "y" * 300)]
    opened(browser, write(tmp_path, rows), size=(400, 900))
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
