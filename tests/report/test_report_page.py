"""The page after a run, whatever the files are called."""

import json
import shlex
from pathlib import Path

import pytest

from reelmend.pipelines.observe.report import page as report_page
from reelmend.pipelines.observe.report.rows import mask_in_words, quality_in_words
from reelmend.pipelines.observe.reproduce import reproduce_command
from reelmend.pipelines.run.item_lifecycle import new_row
from reelmend.pipelines.storage.ledger import Facts, ItemRow, ItemState
from reelmend.pipelines.storage.ledger.partition import decode_rows, encode
from reelmend.pipelines.tasks import Item
from tests.pages import HOSTILE, Page, judged, moving, pictured, quarantined, restored, strip, work_folder, write


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five items are many."""
    for name, value in {"INLINE_ROWS": 4, "FIRST_ROWS": 2, "PART_ROWS": 3, "SHOWN_ROWS": 9}.items():
        monkeypatch.setattr(report_page, name, value)


def rows_beside(page: Path) -> list[list[object]]:
    """Items in the scripts that the page reads, in the order in which it does."""
    found: list[list[object]] = []
    for part in Page(page).told["parts"]:
        script = (page.parent / part).read_text()
        found += json.loads(script.removeprefix("reelmendRows(").removesuffix(")"))
    return found


def test_what_needs_attention_comes_first_with_reason_and_command(tmp_path: Path) -> None:
    rows = [ItemRow("todo", "in/todo", "", "out/todo"), restored("good.mp4"), quarantined("bad.mp4")]
    first, *others = Page(write(tmp_path, rows)).rows
    command = "reelmend run out/_reelmend/config.yaml --videos in/bad.mp4 --masks mask.png --out out/_reelmend/again"
    assert first["note"] == "cut off after frame 7 of 30"
    assert first["problem"] == ["MediaError · while at probe", f"{command} run.executor=inline"]
    assert [row["id"] for row in others] == ["good.mp4", "todo"]


def test_an_item_without_a_mask_is_reproduced_without_one() -> None:
    row = ItemRow("a", "in/a.mp4", "", "out/a.mp4")
    assert reproduce_command(row, "out") == (
        "reelmend run out/_reelmend/config.yaml --videos in/a.mp4 --out out/_reelmend/again run.executor=inline"
    )


def test_an_item_is_reproduced_with_what_the_manifest_set_for_it() -> None:
    item = Item("a", Path("in/a[1]"), None, Path("out/a"), fps=12.5, overrides=("mask.dilation=9", "stitch.crf= 20"))
    (row,) = decode_rows(encode([new_row(item)]))
    assert shlex.split(reproduce_command(row, "out"))[3:] == [
        *("--videos", "in/a[[]1]", "--out", "out/_reelmend/again"),
        *("input.image_rate=12.5", "mask.dilation=9", "stitch.crf= 20", "run.executor=inline"),
    ]


def test_the_totals_are_those_of_the_summary(tmp_path: Path) -> None:
    text = " ".join(Page(write(tmp_path, [restored("a.mp4"), restored("b.mp4"), quarantined("c.mp4")])).text.split())
    assert "outputs 2 of 3 items" in text
    assert "speed 3.0 frames a second" in text
    assert "inpaint 6.0 s 75 %" in text


def test_the_items_that_took_longest_are_named_and_those_of_earlier_runs_are_not(tmp_path: Path) -> None:
    slow = restored("slow.mp4", started_at=1e9, ended_at=1e9 + 15)
    quick = restored("quick.mp4", started_at=1e9, ended_at=1e9 + 2)
    earlier = restored("earlier.mp4", started_at=1e9, ended_at=1e9 + 19, reused=True)
    text = " ".join(Page(write(tmp_path, [quick, earlier, slow])).text.split())
    assert "Slowest items 15.0 s slow.mp4 30 frames of 64×36 restored 2.0 s quick.mp4" in text


def test_the_page_of_a_small_run_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, [pictured(tmp_path, "a.mp4")])
    page = Page(path)
    loaded = page.values("script", "src") + page.values("img", "src") + page.values("link", "href")
    assert [url for url in loaded if not url.startswith("data:")] == []
    assert page.rows[0]["picture"][0].startswith("data:image/jpeg;base64,")
    assert page.told["parts"] == []
    assert "img-src data:; " in page.values("meta", "content")[2]


def test_hostile_names_and_reasons_add_no_element(tmp_path: Path) -> None:
    harmless = Page(write(tmp_path / "a", [restored("x"), quarantined("y")], halted="full"))
    rows = [restored(HOSTILE), quarantined("y" + HOSTILE, reason=HOSTILE)]
    hostile = Page(write(tmp_path / "b", rows, halted=HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert HOSTILE in hostile.text
    assert [row["id"] for row in hostile.rows] == ["y" + HOSTILE, HOSTILE]


def test_a_name_that_looks_like_a_scheme_stays_a_relative_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(write(Path(), [restored("javascript:alert(1)", output="out/javascript:alert(1)")]))
    assert page.rows[0]["href"] == "../javascript%3Aalert%281%29"


def test_items_to_review_come_before_other_good_ones_the_lowest_score_first(tmp_path: Path) -> None:
    odd = [judged(tmp_path, f"{score}", score, "odd") for score in (0.5, 0.2)]
    rows = Page(write(tmp_path, [judged(tmp_path, "fine", 0.1), *odd, quarantined("bad")])).rows
    assert [row["id"] for row in rows] == ["bad", "0.2", "0.5", "fine"]
    assert [row["review"] for row in rows] == [False, True, True, False]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"seen_share": 0.94, "seen_away": 3.0}, "94 % of the hole seen in other frames, 3 frames away on average"),
        ({"seen_share": 0.5, "seen_away": 1}, "50 % of the hole seen in other frames, 1 frame away on average"),
        ({"seen_share": 0.5, "seen_away": 140.4}, "50 % of the hole seen in other frames, 140 frames away on average"),
        ({"seen_share": 0.0, "seen_away": 0.0}, "no other frame shows what the hole hides"),
        ({}, ""),
    ],
)
def test_a_score_stands_on_what_a_line_says(facts: dict[str, float], words: str) -> None:
    assert quality_in_words({f"quality_{name}": value for name, value in facts.items()}) == words


def test_a_line_says_how_much_is_masked_and_when() -> None:
    facts: Facts = {"masked_fraction": 0.0312, "masked_frames": "25-99, 140-199 and 3 more"}
    assert mask_in_words(facts) == "mask: 3.1 % of the video, in frames 25-99, 140-199 and 3 more"
    assert mask_in_words({"masked_fraction": 0.42, "masked_frames": "0-9"}) == "mask: 42 % of the video, in frames 0-9"
    assert mask_in_words({"masked_fraction": 0.42}) == "", "a row of an older version"


def test_an_item_that_nobody_judged_has_no_score(tmp_path: Path) -> None:
    (row,) = Page(write(tmp_path, [moving(tmp_path, "a")])).rows
    assert (row["score"], row["review"], row["reviewReason"], row["quality"]) == (None, False, "", "")


def test_a_run_that_found_all_done_shows_no_figures_of_nothing(tmp_path: Path) -> None:
    done = restored("a.mp4", reused=True, chunks_planned=0, chunks_computed=0, frames_done=0, seconds={})
    text = " ".join(Page(write(tmp_path, [done])).text.split())
    assert "Nothing was left to restore: earlier runs finished this item" in text
    assert "outputs 1 of 1 items, 1 by an earlier run" in text
    assert "frames a second" not in text


@pytest.mark.usefixtures("small_limits")
def test_a_report_of_many_items_holds_the_first_and_reads_the_others_from_scripts(tmp_path: Path) -> None:
    rows = [*(restored(f"{number}.mp4") for number in range(7)), quarantined("bad" + HOSTILE)]
    path = write(tmp_path, rows)
    assert [row["id"] for row in Page(path).rows] == ["bad" + HOSTILE, "0.mp4"]
    assert [values[0] for values in rows_beside(path)] == [f"{number}.mp4" for number in range(1, 7)]
    assert len(Page(path).told["parts"]) == 2


@pytest.mark.usefixtures("small_limits")
def test_a_report_that_is_written_again_leaves_no_script_of_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, [restored(f"{number}.mp4") for number in range(9)])
    path = write(tmp_path, [restored(f"{number}.mp4") for number in range(5)])
    names = [found.relative_to(path.parent).as_posix() for found in path.parent.glob("report/*.js")]
    assert sorted(names) == sorted(Page(path).told["parts"])


@pytest.mark.usefixtures("small_limits")
def test_items_beyond_what_a_browser_holds_are_left_out_good_ones_first_and_the_page_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, [*(restored(f"{number}.mp4") for number in range(10)), quarantined("bad.mp4")])
    shown = [row["id"] for row in Page(path).rows] + [values[0] for values in rows_beside(path)]
    assert (len(shown), shown[0]) == (9, "bad.mp4")
    assert "2 more items are in the folder" in Page(path).text


def test_more_pictures_than_a_page_should_hold_stay_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_page, "PREVIEW_BYTES", 2 * len(strip()))
    pages = {count: Page(write(tmp_path, [pictured(tmp_path, str(n)) for n in range(count)])) for count in (2, 3)}
    assert all(row["picture"][0].startswith("data:") for row in pages[2].rows)
    assert all((work_folder(tmp_path) / row["picture"][0]).is_file() for row in pages[3].rows)


def test_an_item_whose_picture_is_gone_or_damaged_is_listed_without_pictures(tmp_path: Path) -> None:
    rows = [pictured(tmp_path, "a.mp4"), pictured(tmp_path, "b.mp4", strip(50))]
    gone, damaged = (work_folder(tmp_path) / "report/previews" / str(row.facts["preview"]) for row in rows)
    gone.unlink()
    damaged.write_bytes(b"something else")
    assert [row["picture"] for row in Page(write(tmp_path, rows)).rows] == [None, None]


def test_a_run_without_a_single_item_done_still_has_a_page(tmp_path: Path) -> None:
    rows = [ItemRow("a", "in/a", "m", "out/a"), ItemRow("b", "in/b", "m", "out/b", ItemState.RUNNING)]
    text = " ".join(Page(write(tmp_path, rows, halted="10 tasks in a row failed")).text.split())
    assert "2 items 1 pending 1 running" in text
