"""Do the totals say what happened?"""

import json

import pytest

from reelmend.pipelines.observe.summary import RunSummary, summarise
from reelmend.pipelines.storage.ledger import ItemRow, ItemState


def row(state: ItemState, **more: object) -> ItemRow:
    made = ItemRow("a", "in/a.mp4", "m.png", "out/a.mp4", state)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def summary_of(*rows: ItemRow, halted: str = "", workers: int = 0) -> RunSummary:
    return summarise(
        rows,
        run_id="r",
        name="n",
        engine="propagation",
        executor="inline",
        out="/out",
        started_at=100.0,
        ended_at=110.0,
        halted=halted,
        workers=workers,
    )


@pytest.mark.parametrize(
    ("states", "halted", "status"),
    [
        ([ItemState.RESTORED, ItemState.UNTOUCHED], "", 0),
        ([ItemState.RESTORED, ItemState.QUARANTINED], "", 3),
        ([ItemState.FAILED], "", 3),
        ([ItemState.RESTORED, ItemState.PENDING], "", 3),
        ([ItemState.RESTORED], "10 tasks in a row failed", 3),
    ],
)
def test_the_exit_status_is_0_only_when_every_output_is_there(
    states: list[ItemState], halted: str, status: int
) -> None:
    assert summary_of(*map(row, states), halted=halted).exit_status == status


def test_reused_chunks_do_not_count_as_speed() -> None:
    half = row(ItemState.RESTORED, frames_done=100, chunks_computed=1, chunks_reused=1)
    earlier = row(ItemState.RESTORED, frames_done=100, chunks_computed=1, reused=True)
    summary = summary_of(half, earlier)
    assert (summary.frames_computed, summary.frames_per_second) == (50, 5.0)
    assert summary.finished_earlier == 1


def test_efficiency_is_the_speed_over_that_of_the_model_alone_on_all_workers() -> None:
    """100 frames in 10 s; inside the model they took 8 s, so that two workers could have done 25 a second."""
    summary = summary_of(
        row(ItemState.RESTORED, frames_done=60, chunks_computed=1, model_seconds=5.0),
        row(ItemState.RESTORED, frames_done=40, chunks_computed=1, model_seconds=3.0),
        workers=2,
    )
    assert summary.model_frames_per_second == 12.5
    assert summary.efficiency == pytest.approx(0.4)
    assert summary.to_dict()["efficiency"] == pytest.approx(0.4)


def test_a_run_that_computed_nothing_has_no_efficiency() -> None:
    assert summary_of(row(ItemState.RESTORED, reused=True), workers=2).efficiency == 0


def test_seconds_add_up_by_stage_and_memory_is_the_largest() -> None:
    summary = summary_of(
        row(ItemState.RESTORED, seconds={"flow": 1.5, "inpaint": 2.0}, peak_rss_mb=300.0, bytes_written=10),
        row(ItemState.FAILED, seconds={"flow": 0.5}, peak_rss_mb=200.0, bytes_written=5),
    )
    assert summary.seconds_by_stage == {"flow": 2.0, "inpaint": 2.0}
    assert (summary.peak_rss_mb, summary.bytes_written) == (300.0, 15)


def test_a_summary_survives_json() -> None:
    summary = summary_of(row(ItemState.RESTORED), row(ItemState.QUARANTINED), halted="full disk")
    assert RunSummary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary
