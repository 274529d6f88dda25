"""The server shows the run and nothing else, whoever asks."""

from pathlib import Path

import pytest

from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.observe.report.rows import FIELDS
from reelmend.pipelines.observe.run_status import Life
from reelmend.pipelines.observe.serve.answers import now
from reelmend.pipelines.observe.serve.server import PageServer
from reelmend.pipelines.observe.serve.watched import FRESH_S, Moment, WatchedRun
from reelmend.pipelines.stages.previews import FOLDER
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from tests.pages import HOSTILE, judged, moving, pictured, quarantined, restored, strip, work_folder
from tests.serve.server import moment_of, serving


def ids(answer: dict[str, list[list[object]]]) -> list[object]:
    return [values[FIELDS.index("id")] for values in answer["rows"]]


def test_items_are_told_a_page_at_a_time_bad_ones_first_and_those_to_come_last(tmp_path: Path) -> None:
    todo = [ItemRow(f"todo_{n}", "in/v", "", "out/v") for n in range(300)]
    at_work = ItemRow("at work", "in/v", "", "out/v", ItemState.RUNNING)
    with serving(tmp_path, [*todo, restored("good.mp4"), at_work, quarantined("bad.mp4")]) as client:
        first = client.items(limit=4)
        assert (ids(first), first["total"]) == (["bad.mp4", "at work", "good.mp4", "todo_0"], 303)
        assert ids(client.items(offset=301)) == ["todo_298", "todo_299"]
        assert ids(client.items(offset=303)) == []


def test_items_are_found_by_state_and_by_any_letter_case_of_name_path_and_note(tmp_path: Path) -> None:
    rows = [restored("Ärger.mp4"), restored("b.mp4", video="in/SPRING/b.mp4"), quarantined("c.mp4", "no Keyframe")]
    with serving(tmp_path, [*rows, pictured(tmp_path, "d.mp4")]) as client:
        assert ids(client.items(text="äRG")) == ["Ärger.mp4"]
        assert ids(client.items(text="spring")) == ["b.mp4"]
        assert ids(client.items(text="keyframe", state="bad")) == ["c.mp4"]
        assert ids(client.items(text="keyframe", state="restored")) == []
        assert ids(client.items(pictures="true")) == ["d.mp4"]


def test_items_to_review_are_asked_for_by_themselves(tmp_path: Path) -> None:
    odd = [judged(tmp_path, f"{score}", score, f"because of {score}") for score in (0.5, 0.2)]
    with serving(tmp_path, [judged(tmp_path, "fine", 0.9), *odd, restored("unjudged")]) as client:
        assert ids(client.items(review="yes", sort="score")) == ["0.2", "0.5"]
        assert ids(client.items(review="no", sort="score")) == ["fine", "unjudged"]
        assert ids(client.items(text="because of 0.5")) == ["0.5"]
        assert "<b>2</b> to review" in client.ask("/now").json["line"]


def test_items_are_sorted_by_what_a_person_takes_for_their_order(tmp_path: Path) -> None:
    rows = [restored("clip_10", frames=7), restored("clip_9", frames=30), restored("clip_100", frames=8)]
    with serving(tmp_path, rows) as client:
        assert ids(client.items(sort="id")) == ["clip_9", "clip_10", "clip_100"]
        assert ids(client.items(sort="frames", falling="true")) == ["clip_9", "clip_100", "clip_10"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=201",
        "limit=-1",
        "offset=x",
        "state=gone",
        "review=maybe",
        "sort=__class__",
        f"text={'x' * 501}",
        "path=/etc",
    ],
)
def test_a_question_that_the_page_never_asks_is_refused_in_one_line(query: str, tmp_path: Path) -> None:
    with serving(tmp_path, [restored("a.mp4")]) as client:
        said = client.ask(f"/items?{query}")
    assert said.status == 400
    assert said.body.count(b"\n") == 1


def test_pictures_of_finished_items_are_served_and_head_tells_their_size_alone(tmp_path: Path) -> None:
    row = pictured(tmp_path, "a.mp4")
    with serving(tmp_path, [row]) as client:
        path = "/" + client.items()["rows"][0][FIELDS.index("picture")][0]
        got, asked = client.ask(path), client.ask(path, "HEAD")
    assert (got.status, got.body, got.headers["content-type"]) == (200, strip(), "image/jpeg")
    assert (asked.headers["content-length"], asked.body) == (str(len(strip())), b"")


def test_the_outlines_of_a_hole_are_served_as_png(tmp_path: Path) -> None:
    row = moving(tmp_path, "a.mp4")
    with serving(tmp_path, [row]) as client:
        got = client.ask(f"/{FOLDER}/{row.facts['preview_outline']}")
    assert (got.status, got.headers["content-type"], got.body[:4]) == (200, "image/png", b"\x89PNG")


@pytest.mark.parametrize(
    "path",
    [
        "/config.yaml",
        "/ledger/head.json",
        "/report.html",
        "/../config.yaml",
        f"/{FOLDER}/../../config.yaml",
        f"/{FOLDER}/..%2f..%2fconfig.yaml",
        f"/{FOLDER}/%2e%2e/%2e%2e/config.yaml",
        f"/{FOLDER}//etc/passwd",
        f"//{FOLDER}/x.jpg",
        "/etc/passwd",
        "file:///etc/passwd",
        f"/{FOLDER}/",
        f"/{FOLDER}",
        f"/{FOLDER}/{'0' * 64}.jpg%00",
        f"/{FOLDER}/{'0' * 64}.jpg",
    ],
)
def test_no_path_leads_to_another_file(path: str, tmp_path: Path) -> None:
    work = work_folder(tmp_path)
    (work / FOLDER).mkdir(parents=True)
    (work / "ledger").mkdir()
    for name in ("config.yaml", "ledger/head.json", "report.html"):
        (work / name).write_text("secret")
    (work / FOLDER / f"{'0' * 64}.jpg").symlink_to(work / "config.yaml")  # of the right form, with another content
    with serving(tmp_path, [restored("a.mp4")]) as client:
        said = client.ask(path)
    assert (said.status, said.body) == (404, b"no such page\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_every_other_method_is_refused(method: str, tmp_path: Path) -> None:
    row = pictured(tmp_path, "a.mp4")
    with serving(tmp_path, [row]) as client:
        said = client.ask(f"/{FOLDER}/{row.facts['preview']}", method)
        assert said.status in (405, 501)
        assert client.ask(f"/{FOLDER}/{row.facts['preview']}").status == 200


@pytest.mark.parametrize("path", ["/", "/now", "/items", "/none", "/items?limit=x"])
def test_every_answer_forbids_what_the_page_does_not_need(path: str, tmp_path: Path) -> None:
    with serving(tmp_path, [restored(HOSTILE), quarantined(HOSTILE, HOSTILE)]) as client:
        said = client.ask(path)
    policy = said.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy or "script-src 'sha256-" in policy
    assert (said.headers["x-content-type-options"], said.headers["cache-control"]) == ("nosniff", "no-store")
    assert said.headers["cross-origin-resource-policy"] == "same-origin"
    assert HOSTILE.encode() not in said.body or said.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:9000", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 403), ("evil.example:80", 403)],
)
def test_listening_on_this_machine_it_answers_to_this_machines_names_alone(
    host: str, status: int, tmp_path: Path
) -> None:
    with serving(tmp_path, [restored("a.mp4")]) as client:
        assert client.ask("/items", headers={"Host": host}).status == status


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    run = WatchedRun(moment_of([]), lambda: moment_of([]))
    with PageServer("127.0.0.1", 0, run, tmp_path, Files()) as first:
        line = rf"cannot listen on 127.0.0.1 port {first.server_port}: .*in use; see --host and --port"
        with pytest.raises(SetupError, match=line):
            PageServer("127.0.0.1", first.server_port, run, tmp_path, Files())


def test_a_run_that_cannot_be_read_for_a_moment_is_shown_as_it_was_and_the_page_says_so() -> None:
    clock = [0.0]
    coming: list[Moment | StoreError] = [StoreError("the bucket does not answer"), moment_of([restored("a")])]

    def read() -> Moment:
        found = coming.pop(0)
        if isinstance(found, StoreError):
            raise found
        return found

    run = WatchedRun(moment_of([]), read, now=lambda: clock[0])
    for items, version, trouble in ((0, 1, True), (1, 2, False)):
        clock[0] += FRESH_S
        run.refresh()
        assert (run.moment.summary.items, run.version, "does not answer" in run.trouble) == (items, version, trouble)


def test_a_ledger_is_not_read_again_while_it_is_fresh() -> None:
    def read() -> Moment:
        raise AssertionError("nobody needs a newer one")

    run = WatchedRun(moment_of([]), read, now=lambda: 0.0)
    run.refresh()


def test_how_far_a_run_is_is_told_once_a_version(tmp_path: Path) -> None:
    with serving(tmp_path, [restored("a.mp4"), ItemRow("b", "in/b", "", "out/b")]) as client:
        first = client.ask("/now").json
        again = client.ask(f"/now?known={first['version']}").json
    assert "50 % done" in first["totals"]
    assert "12.5</b><span>frames a second now, 1.5 so far" in first["totals"]
    assert again["line"] is None
    assert (again["totals"], again["life"], again["pulse"]) == (None, "running", "live")


@pytest.mark.parametrize(
    ("life", "pulse"), [(Life.STOPPED, "stopped or killed"), (Life.BEGINNING, "another run is starting")]
)
def test_a_run_that_does_not_go_on_is_not_called_live(life: Life, pulse: str) -> None:
    run = WatchedRun(moment_of([restored("a.mp4")], life), lambda: moment_of([]), now=lambda: 0.0)
    told = now(run, "")
    assert told["pulse"] == pulse
    assert "left, about" not in told["totals"]


def test_items_that_lost_an_attempt_are_named_with_the_reason(tmp_path: Path) -> None:
    shaky = ItemRow(HOSTILE, "in/b", "", "out/b", ItemState.RUNNING, attempts=2)
    with serving(tmp_path, [shaky], tried_again=[(shaky, "a worker was lost")]) as client:
        totals = client.ask("/now").json["totals"]
    assert "Retried" in totals
    assert "attempt 2: a worker was lost" in totals
    assert HOSTILE not in totals
