"""Are answers counted as what they are?"""

from dataclasses import replace
from typing import Any

from reelmend.pipelines.observe.metrics import METRICS
from reelmend.pipelines.tasks import RECEIPTS, Effort, FlowReceipt, ProbeReceipt, Stage, Task
from tests.run.story import Story, bad_data, bad_machine, begin, receipt


def value(story: Story, series: str) -> float:
    return {sample.series: sample.value for sample in story.state.metrics.read()}[f"reelmend_{series}"]


def take(story: Story, *stages: Stage) -> Task:
    task = story.state.take(stages) if stages else story.state.take()
    assert task is not None
    return task


def test_labels_are_stage_outcome_device_and_bound_and_nothing_else() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {"stage", "outcome", "device", "le"}


def test_an_attempt_that_is_made_again_is_a_retry_and_the_last_one_is_not() -> None:
    story = begin("a", attempts=2)
    story.state.handle(bad_machine(take(story)))
    assert value(story, 'retries_total{stage="probe"}') == 1
    story.state.handle(bad_machine(take(story)))
    assert value(story, 'retries_total{stage="probe"}') == 1
    assert value(story, 'tasks_total{outcome="failed",stage="probe"}') == 2
    assert value(story, 'items_total{outcome="failed"}') == 1


def test_a_worker_that_died_and_bad_data_are_told_apart() -> None:
    story = begin("a", "b")
    story.state.handle(bad_machine(take(story), kind="WorkerLost"))
    story.state.handle(bad_data(take(story)))
    assert value(story, 'tasks_total{outcome="lost",stage="probe"}') == 1
    assert value(story, 'tasks_total{outcome="failed",stage="probe"}') == 1


def test_found_flow_is_a_hit_and_its_frames_do_not_count_as_speed() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story)))
    first, second = (take(story, Stage.FLOW) for _ in range(2))
    story.state.handle(FlowReceipt(first.id, reused=True, frames=10))
    story.state.handle(FlowReceipt(second.id, frames=10))
    assert (value(story, "flow_cache_hits_total"), value(story, "flow_cache_misses_total")) == (1, 1)
    assert value(story, 'frames_total{stage="flow"}') == 10


def test_memory_of_a_gpu_is_its_latest_use_and_its_highest_peak() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story)))
    for used_mb, peak_mb in ((900, 700), (300, 500)):
        effort = Effort(worker="m:1", memory_steps=1, device="m:3", device_used_mb=used_mb)
        task = take(story)
        story.state.handle(RECEIPTS[task.stage](task.id, peak_device_mb=peak_mb, effort=effort))
    assert value(story, 'gpu_used_bytes{device="m:3"}') == 300 * 2**20
    assert value(story, 'gpu_peak_bytes{device="m:3"}') == 700 * 2**20
    assert value(story, 'oom_steps_total{stage="flow"}') + value(story, 'oom_steps_total{stage="inpaint"}') == 2


def test_an_answer_that_nobody_waits_for_counts_nothing() -> None:
    story = begin("a")
    answer = receipt(take(story))
    story.state.handle(answer)
    story.state.handle(answer)
    assert value(story, 'tasks_total{outcome="computed",stage="probe"}') == 1


def test_scores_are_counted_as_a_histogram_and_items_to_review_by_their_verdict() -> None:
    story = begin("a", "b", "c")
    facts = {"a": {"quality_score": 0.35, "review": 1}, "b": {"quality_score": 0.9, "review": 0}, "c": {}}
    while not story.state.over:
        task = take(story)
        told: dict[str, Any] = {"facts": facts[task.item.id]} if task.stage is Stage.STITCH else {}
        story.state.handle(receipt(task, **told))
    assert value(story, "items_review_total") == 1
    assert value(story, "quality_score_total") == 0.35 + 0.9
    counts = [value(story, f'quality_items_total{{le="{bound}"}}') for bound in ("0.3", "0.4", "0.8", "0.9", "+Inf")]
    assert counts == [0, 1, 1, 2, 2]


def test_scores_of_items_that_an_earlier_run_restored_are_not_counted_again() -> None:
    story = begin("a")
    probe = ProbeReceipt("probe:a", reused=True, final="restored", facts={"quality_score": 0.2, "review": 1})
    story.state.settle({"a": probe})
    assert value(story, 'items_total{outcome="finished_earlier"}') == 1
    assert value(story, "items_review_total") == value(story, 'quality_items_total{le="+Inf"}') == 0


def test_a_gpus_load_and_reserved_memory_are_those_of_the_last_task_and_absent_where_nobody_says() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story)))
    for effort in (
        Effort(worker="m:1", device="m:0", device_reserved_mb=512, device_load=0.25),
        Effort(worker="m:2", device="m:1"),
    ):
        task = take(story)
        story.state.handle(RECEIPTS[task.stage](task.id, effort=effort))
    assert value(story, 'gpu_reserved_bytes{device="m:0"}') == 512 * 2**20
    assert value(story, 'gpu_utilization_ratio{device="m:0"}') == 0.25
    names = {sample.series for sample in story.state.metrics.read()}
    assert 'reelmend_gpu_utilization_ratio{device="m:1"}' not in names


def test_main_memory_is_told_by_stage_as_it_is_and_at_its_peak() -> None:
    story = begin("a")
    for rss_mb, peak_mb in ((900, 1000), (300, 1000)):
        task = take(story)
        told = receipt(task)
        effort = Effort(worker="m:1", rss_mb=rss_mb)
        story.state.handle(replace(told, effort=effort, peak_rss_mb=peak_mb))
    assert value(story, 'worker_rss_bytes{stage="probe"}') == 900 * 2**20
    assert value(story, 'worker_rss_bytes{stage="flow"}') == 300 * 2**20
    assert value(story, 'worker_rss_peak_bytes{stage="flow"}') == 1000 * 2**20
    assert value(story, 'worker_rss_bytes{stage="stitch"}') == 0
