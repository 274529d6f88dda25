"""Every restored item says how sure it is, and the unsure ones are marked for review without failing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.config import JobConfig, QualityConfig
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger.rows import ItemRow
from tests.clips import moving_box, scene, write_clip, write_mask_image
from tests.jobs import add_item, finish, lossless_job

Ended = tuple[JobConfig, RunSummary, dict[str, ItemRow]]

FIGURES = ("seen_share", "invented_share", "seen_away", "rim_mismatch", "flicker", "score")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A clip whose hole other frames show, one whose hole no frame shows, and one without a hole."""
    folder = tmp_path_factory.mktemp("quality")
    add_item(folder, "shown", frames=24)
    logo = moving_box(1)[0]
    pictures = np.where(logo[..., None], np.uint8(255), np.repeat(scene(1), 12, axis=0))
    for name, mask in (("hidden", logo), ("whole", np.zeros_like(logo))):
        write_clip(folder / "in" / f"{name}.mp4", frames=12, pictures=pictures)
        write_mask_image(folder / "in" / f"{name}_mask.png", mask)
    job = lossless_job(folder)
    job.input.videos = [str(folder / "in" / "*.mp4")]
    return job, *finish(job)


def said(*words: str) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_what_no_frame_shows_is_restored_and_marked_for_review_with_the_reason(
    ended: Ended,
) -> None:
    _, summary, rows = ended
    row = rows["hidden"]
    assert (row.state, row.state_in_words, row.review) == ("restored", "restored, review", True)
    assert row.review_reason == "the hole was never visible"
    assert row.quality_score is not None
    assert row.quality_score < 0.5
    assert (row.facts["quality_seen_share"], row.facts["quality_invented_share"]) == (0, 1)
    assert summary.exit_status == 0


def test_what_other_frames_show_needs_no_look(ended: Ended) -> None:
    _, _, rows = ended
    row = rows["shown"]
    assert (row.state_in_words, row.review, row.review_reason, row.facts["review"]) == ("restored", False, "", 0)
    assert row.quality_score is not None
    assert row.quality_score > 0.5
    assert row.facts.keys() >= {f"quality_{name}" for name in FIGURES}
    worst_frame, seen_share = row.facts["quality_worst_frame"], row.facts["quality_seen_share"]
    assert isinstance(worst_frame, int)
    assert 0 <= worst_frame < 24
    assert isinstance(seen_share, float | int)
    assert seen_share > 0.9


def test_an_item_that_is_left_untouched_has_no_score_and_no_verdict(
    ended: Ended,
) -> None:
    _, _, rows = ended
    assert rows["whole"].state == "untouched"
    assert rows["whole"].quality_score is None
    assert not [name for name in rows["whole"].facts if name.startswith(("quality", "review"))]


def test_the_summary_names_the_least_sure_first_and_run_json_says_the_same(
    ended: Ended,
) -> None:
    job, summary, rows = ended
    hidden, shown = (rows[name].quality_score for name in ("hidden", "shown"))
    assert hidden is not None
    assert shown is not None
    assert summary.quality == {
        "scored": 2,
        "review": 1,
        "mean": pytest.approx((hidden + shown) / 2, abs=1e-4),
        "lowest": hidden,
        "least_sure": [
            {"id": "hidden", "score": hidden, "reason": "the hole was never visible"},
            {"id": "shown", "score": shown, "reason": ""},
        ],
    }
    assert json.loads(Path(job.out, "_reelmend/run.json").read_text())["quality"] == summary.quality


def test_status_lists_what_needs_a_look(ended: Ended) -> None:
    job, _, rows = ended
    score = rows["hidden"].quality_score
    lines = said("status", "--out", job.out).splitlines()
    assert "2 restored (1 to review), 1 untouched" in lines[1]
    at = lines.index("needs a look: 1 item")
    assert lines[at + 1].split(maxsplit=2) == ["hidden", f"{score:.2f}", "the hole was never visible"]
    document = json.loads(said("status", "--out", job.out, "--json"))
    assert document["review_items"] == 1
    assert [(item["id"], item["score"]) for item in document["review"]] == [("hidden", score)]
    assert document["bad"] == []


def test_the_ledger_can_be_sorted_by_score_with_any_reader_of_parquet(
    ended: Ended,
) -> None:
    job, _, rows = ended
    columns = ["id", "quality_score", "quality_worst_frame", "review", "review_reason"]
    table = pq.read_table(f"{job.out}/_reelmend/ledger/parts", columns=columns).sort_by("quality_score")
    first, second, none = table.to_pylist()
    assert (first["id"], first["review"], first["review_reason"]) == ("hidden", True, "the hole was never visible")
    assert (second["id"], second["review"], second["review_reason"]) == ("shown", False, None)
    assert second["quality_score"] == rows["shown"].quality_score
    assert none == {"id": "whole"} | dict.fromkeys(columns[1:])


@pytest.mark.parametrize("few", [200, 0], ids=["records", "ledger"])
def test_another_threshold_marks_a_finished_run_anew_and_computes_nothing(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    job, _, before = ended
    monkeypatch.setattr("reelmend.pipelines.run.resume.FEW_ITEMS", few)
    monkeypatch.setattr("reelmend.pipelines.run.resume.CLOCK_S", -60.0)  # as when the run before ended some seconds ago
    for threshold, marked in ((0.0, set()), (1.0, {"hidden", "shown"}), (0.5, {"hidden"})):
        summary, rows = finish(replace(job, quality=QualityConfig(threshold)))
        assert (summary.finished_earlier, summary.tasks_computed, summary.exit_status) == (3, 0, 0)
        assert (
            {name for name, row in rows.items() if row.review}
            == marked
            == {name for name, row in rows.items() if row.review_reason}
        )
        assert summary.to_review == len(marked)
        assert rows["hidden"].quality_score == before["hidden"].quality_score


def test_the_end_of_a_run_says_how_many_items_may_need_a_look(
    ended: Ended,
) -> None:
    job, _, rows = ended
    words = ["run", "--videos", *job.input.videos, "--out", job.out, "run.executor=inline", "plan.shots=false"]
    words += ["plan.block_length=20", "plan.overlap=3", "stitch.codec=ffv1"]
    lines = said(*words).splitlines()
    at = lines.index("1 of 3 items may need a look; see the report")
    assert lines[at + 1].split()[:2] == ["hidden", f"{rows['hidden'].quality_score:.2f}"]
    document = json.loads(said(*words, "--json"))
    assert [item["id"] for item in document["review"]] == ["hidden"]
    assert document["finished_earlier"] == 3
