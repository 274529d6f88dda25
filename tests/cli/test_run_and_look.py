"""Does the command line do a whole job? Real clips, in this process; exit status, files and what is shown."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.ledger import ItemState, read_ledger
from tests.clips import moving_box, write_clip, write_mask_image

LEDGER = Path("out/_reelmend/ledger")
QUICK = ["run.executor=inline", "plan.shots=false"]


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def two_good_clips_and_a_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("a", "b"):
        write_clip(Path(f"in/{name}.mp4"), frames=4)
    write_mask_image(Path("mask.png"), moving_box(frames=1)[0])


def run_all(*words: str) -> Result:
    return type_in("run", "--videos", "in/*.mp4", "--masks", "mask.png", "--out", "out", *QUICK, *words)


def test_a_run_writes_videos_report_and_config_and_says_where(tmp_path: Path) -> None:
    result = run_all()
    assert result.exit_code == 0, result.stderr
    assert Path("out/a.mp4").stat().st_size > 0
    assert "2: 2 restored" in result.stdout
    assert "report  out/_reelmend/report.html" in result.stdout
    assert "run.executor" not in Path("out/_reelmend/config.yaml").read_text()
    assert "executor: inline" in Path("out/_reelmend/config.yaml").read_text()
    assert "item=a state=restored" in result.stderr


def test_the_same_command_again_does_nothing_and_says_so() -> None:
    run_all()
    result = run_all()
    assert result.exit_code == 0
    assert "An earlier run finished every item; there was nothing to do." in result.stdout


def test_a_bad_video_makes_status_3_and_is_shown_with_a_command_that_reproduces_it() -> None:
    Path("in/c.mp4").write_text("no video")
    result = run_all()
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    at = lines.index(f"quarantined (probe)  {Path('in/c.mp4').absolute()}")
    reason, command = lines[at + 1].strip(), shlex.split(lines[at + 2])
    again = type_in(*command[1:])
    assert again.exit_code == 3
    assert reason in again.stdout
    assert [row.state for row in read_ledger(LEDGER)] == [ItemState.RESTORED] * 2 + [ItemState.QUARANTINED]


def test_json_is_one_document_on_stdout() -> None:
    Path("in/c.mp4").write_text("no video")
    result = run_all("--json")
    document = json.loads(result.stdout)
    assert (document["exit_status"], document["states"]) == (3, {"restored": 2, "quarantined": 1})
    assert [bad["video"] for bad in document["bad"]] == [str(Path("in/c.mp4").absolute())]


def test_paths_that_the_shell_expanded_are_taken_too() -> None:
    words = ["--videos", "in/a.mp4", "in/b.mp4", "--masks", "mask.png", "--out", "out"]
    assert type_in("run", *words, *QUICK).exit_code == 0
    assert Path("out/b.mp4").exists()


def test_a_plan_shows_items_and_totals_and_writes_nothing() -> None:
    words = ["--videos", "in/*.mp4", "--masks", "mask.png", "--out", "out"]
    shown = type_in("plan", *words)
    assert shown.exit_code == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[4:7] == [["items", "2"], ["frames", "8"], ["work", "2", "chunks,", "2", "segments"]]
    totals = json.loads(type_in("plan", *words, "--json").stdout)["totals"]
    assert (totals["items"], totals["frames"], totals["quarantined"]) == (2, 8, 0)
    assert not Path("out").exists()


def test_a_plan_of_larger_pictures_shows_their_size_and_bytes_and_needs_no_masks() -> None:
    words = ["--videos", "in/*.mp4", "--out", "out", "mode=outpaint", "outpaint.scale_w=1.5"]
    shown = type_in("plan", *words)
    assert shown.exit_code == 0, shown.stderr
    assert [line.split()[2] for line in shown.stdout.splitlines()[1:3]] == ["144x64", "144x64"]
    items = json.loads(type_in("plan", *words, "--json").stdout)["items"]
    around = 4 * (144 - 96) * 64
    assert {item["mask"] for item in items} == {None}
    assert all(around < item["part_bytes"] < 2 * around for item in items)


def test_status_and_report_find_the_run_by_job_file_by_folder_and_by_option() -> None:
    Path("job.yaml").write_text("name: found\nout: out\ninput: {videos: [in/*.mp4], masks: mask.png}\n")
    assert type_in("run", "job.yaml", *QUICK).exit_code == 0
    for words in (["job.yaml"], ["out"], ["--out", "out"]):
        shown = type_in("status", *words)
        assert shown.exit_code == 0, shown.stderr
        assert shown.stdout.startswith("found: run ")
        assert "2: 2 restored" in shown.stdout
    Path("out/_reelmend/report.html").unlink()
    assert type_in("report", "job.yaml").exit_code == 0
    assert "found" in Path("out/_reelmend/report.html").read_text()


def test_status_of_a_run_that_was_killed_counts_what_the_ledger_holds() -> None:
    run_all()
    Path("out/_reelmend/run.json").unlink()
    document = json.loads(type_in("status", "--out", "out", "--json").stdout)
    assert (document["ended"], document["states"]) == (False, {"restored": 2})
