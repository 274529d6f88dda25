"""Is the page what a person needs after a run, whatever the files are called?"""

from pathlib import Path

import pytest
from pages import HOSTILE, Page, quarantined, restored, write

from pipelines.ledger import ItemRow
from pipelines.report.page import PREVIEW_BYTES
from pipelines.reproduce import reproduce_command


def test_what_needs_attention_comes_first_with_reason_and_command(tmp_path: Path) -> None:
    text = Page(write(tmp_path, [restored("good.mp4"), quarantined("bad.mp4")])).text
    command = "reelmend run out/_reelmend/config.yaml --videos in/bad.mp4 --masks mask.png --out out/_reelmend/again"
    assert text.index("cut off after frame 7 of 30") < text.index(command) < text.index("good.mp4")


def test_an_item_without_a_mask_is_reproduced_without_one() -> None:
    row = ItemRow("a", "in/a.mp4", "", "out/a.mp4")
    assert reproduce_command(row, "out") == (
        "reelmend run out/_reelmend/config.yaml --videos in/a.mp4 --out out/_reelmend/again run.executor=inline"
    )


def test_the_totals_are_those_of_the_summary(tmp_path: Path) -> None:
    text = " ".join(Page(write(tmp_path, [restored("a.mp4"), restored("b.mp4"), quarantined("c.mp4")])).text.split())
    assert "outputs 2 / 3" in text
    assert "speed 3.0 frames a second" in text
    assert "inpaint 6.0 s 75 %" in text


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = Page(write(tmp_path, [restored("a.mp4")]))
    loaded = page.values("script", "src") + page.values("img", "src") + page.values("link", "href")
    assert [url for url in loaded if not url.startswith("data:")] == []
    assert "url(http" not in page.text
    assert "@import" not in page.text


def test_hostile_names_and_reasons_add_no_element(tmp_path: Path) -> None:
    harmless = Page(write(tmp_path / "a", [restored("x"), quarantined("y")], halted="full"))
    rows = [restored(HOSTILE), quarantined("y" + HOSTILE, reason=HOSTILE)]
    hostile = Page(write(tmp_path / "b", rows, halted=HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert HOSTILE in hostile.text


def test_a_name_that_looks_like_a_scheme_stays_a_relative_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(write(Path(), [restored("javascript:alert(1)", output="out/javascript:alert(1)")]))
    assert page.values("a", "href")[0] == "../javascript%3Aalert%281%29"


def test_pictures_stop_at_the_budget_and_the_page_says_so(tmp_path: Path) -> None:
    page = Page(write(tmp_path, [restored(f"{n}.mp4") for n in range(4)], lambda row: bytes(PREVIEW_BYTES // 3)))
    assert sum(tag == "figure" for tag, _ in page.elements) == 3
    assert "1 more items have pictures" in page.text


def test_an_item_whose_preview_is_gone_is_listed_without_pictures(tmp_path: Path) -> None:
    page = Page(write(tmp_path, [restored("a.mp4")], lambda row: None))
    assert "figure" not in [tag for tag, _ in page.elements]
    assert "a.mp4" in page.text


def test_a_run_without_a_single_item_done_still_has_a_page(tmp_path: Path) -> None:
    rows = [ItemRow("a", "in/a", "m", "out/a")]
    assert "1 pending" in Page(write(tmp_path, rows, halted="10 tasks in a row failed")).text
