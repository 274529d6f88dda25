"""What an item's tasks go through after errors of CUDA, and what that costs the item."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from reelmend.core_model.device.recovery import AS_ASKED, EXACT, NEW_PROCESS, ON_CPU, PLAIN, RECOVERY, recovery_note
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.recovery import settings_at, steps_of
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.blame import blame
from reelmend.pipelines.stages.cuda_debugging import BLOCKING, wait_for_each_kernel
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, ProbeTask, Stage, Task
from tests.run.story import bad_machine, begin, item, plan, receipt, take

ILLEGAL = "CUDA error: an illegal memory access was encountered"


def dead(task: Task) -> Failure:
    return Failure(task.id, "ContextLost", f"CUDA failed, illegal access: {ILLEGAL}", transient=True)


def chunks(state: RunState, count: int = 3) -> None:
    """Bring all items so far that nothing but chunks is left."""
    while task := state.take((Stage.PROBE, Stage.FLOW)):
        state.handle(receipt(task, plan(segments=0, chunks=count)))


def test_a_task_goes_through_the_steps_in_order_and_uses_no_attempt() -> None:
    story = begin("a", attempts=1)
    chunks(story.state)
    seen = []
    for _ in range(4):
        task = take(story.state, Stage.INPAINT)
        seen.append((task.index, RECOVERY[task.recovery]))
        story.state.handle(dead(task))
    assert seen == [(0, AS_ASKED), (0, NEW_PROCESS), (0, PLAIN), (0, EXACT)]
    row = story.row("a")
    assert (row.state, row.kind, row.attempts) == (ItemState.QUARANTINED, "ContextLost", 1)
    assert row.reason.startswith(f"CUDA failed, illegal access: {ILLEGAL}; tried again as the job asks, in another")
    assert row.facts["cuda_errors"] == 4


def test_what_only_needed_another_process_changes_nothing_for_the_items_other_tasks() -> None:
    story = begin("a")
    chunks(story.state)
    story.state.handle(dead(take(story.state, Stage.INPAINT)))
    story.state.handle(receipt(take(story.state, Stage.INPAINT)))
    assert take(story.state, Stage.INPAINT).recovery == 0


def test_what_had_to_be_computed_in_another_way_is_so_for_the_items_other_tasks_of_that_stage() -> None:
    story = begin("a", "b")
    chunks(story.state)
    for _ in range(2):
        story.state.handle(dead(take(story.state, Stage.INPAINT)))
    story.state.handle(receipt(take(story.state, Stage.INPAINT)))
    tasks = [take(story.state, Stage.INPAINT) for _ in range(5)]
    assert [(task.item.id, RECOVERY[task.recovery]) for task in tasks] == 2 * [("a", PLAIN)] + 3 * [("b", AS_ASKED)]
    for task in tasks:
        story.state.handle(receipt(task))
    stitches = [take(story.state, Stage.STITCH) for _ in range(2)]
    assert [RECOVERY[stitch.recovery] for stitch in stitches] == [PLAIN, AS_ASKED]


def test_tasks_in_hand_at_the_same_time_each_begin_with_the_first_step() -> None:
    story = begin("a")
    chunks(story.state)
    hand = [take(story.state, Stage.INPAINT) for _ in range(2)]
    for task in hand:
        story.state.handle(dead(task))
    assert [take(story.state, Stage.INPAINT).recovery for _ in hand] == [1, 1]


def test_a_step_outlasts_a_failure_of_another_kind() -> None:
    story = begin("a")
    chunks(story.state)
    story.state.handle(dead(take(story.state, Stage.INPAINT)))
    story.state.handle(bad_machine(take(story.state, Stage.INPAINT)))
    assert (take(story.state, Stage.INPAINT).recovery, story.row("a").attempts) == (1, 2)


def test_ten_items_in_a_row_on_which_cuda_fails_stop_the_run() -> None:
    state = RunState([item(str(number)) for number in range(30)], attempts=1, active_items=0)
    while not state.over:
        task = state.take()
        assert task is not None
        state.handle(dead(task) if task.stage is Stage.INPAINT else receipt(task, plan(segments=0)))
    assert "10 items in a row failed at inpaint, the last: CUDA failed, illegal access" in state.halted


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ([], (1, 2, 3)),
        (["on_gpu_error=cpu"], (1, 2, 3, 4)),
        (["propainter.compile=off", "propainter.attention=math"], (1, 3)),
        (["propainter.compile=off", "propainter.attention=math", "propainter.precision=fp32"], (1, 3)),  # TF32
        (["device=cpu", "on_gpu_error=cpu"], (1, 2, 3)),
    ],
)
def test_a_step_that_would_change_nothing_is_left_out(words: list[str], steps: tuple[int, ...]) -> None:
    assert steps_of(load_job(overrides=[f"input.videos=[{__file__}]", *words])) == steps


def test_each_step_changes_how_networks_compute_and_nothing_else() -> None:
    job = JobConfig()
    assert settings_at(job, NEW_PROCESS) == job
    plain, exact, cpu = (settings_at(job, step) for step in (PLAIN, EXACT, ON_CPU))
    assert (plain.propainter.compile, plain.propainter.attention, plain.propainter.precision) == ("off", "math", "bf16")
    assert (exact.propainter.compile, exact.propainter.precision, exact.propainter.tf32) == ("off", "fp32", False)
    assert (exact.device, cpu.device, cpu.propainter) == ("auto", "cpu", exact.propainter)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def refused() -> Exception:
    """What a worker raises that was promised a GPU and has none."""
    from reelmend.pipelines.engines.device import device_of

    with pytest.raises(SetupError) as raised:
        device_of(JobConfig(device="cuda"))
    return raised.value


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there, so nothing refuses it")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: RuntimeError(f"{ILLEGAL}\nFor debugging"), f"CUDA failed, illegal access: {ILLEGAL}"),
        (
            lambda: caused(SetupError("the engine cannot be built"), RuntimeError(ILLEGAL)),
            "CUDA failed, illegal access",
        ),
        (lambda: RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "CUDA failed, a library of CUDA failed: "),
        (lambda: RuntimeError("CUDA error: GPU is lost"), "CUDA failed, the device is lost: CUDA error: GPU is lost"),
        (refused, "device=cuda cannot be used: Torch not compiled with CUDA enabled"),
    ],
)
def test_errors_after_which_a_process_cannot_use_its_gpu(error: Callable[[], Exception], said: str) -> None:
    found = blame(ProbeTask(item("a")), error())
    assert (found.kind, found.transient, found.by_item) == ("ContextLost", True, False)
    assert found.reason.startswith(f"a.mp4: {said}")


def test_an_error_of_something_else_in_a_process_whose_context_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels fail after the call that started them has returned: the first error may be of what they had written."""

    def fail() -> None:
        raise RuntimeError(ILLEGAL)

    error = IndexError("index 2147483647 is out of bounds")
    assert blame(ProbeTask(item("a")), error).kind == "IndexError"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", fail)
    assert blame(ProbeTask(item("a")), error).kind == "ContextLost"
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert blame(ProbeTask(item("a")), error).kind == "IndexError"


def test_debugging_says_where_it_came_too_late(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in BLOCKING:
        monkeypatch.delenv(name, raising=False)
    wait_for_each_kernel()
    assert os.environ["CUDA_LAUNCH_BLOCKING"] == "1"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    wait_for_each_kernel()
    assert not caplog.messages, "it was in time"
    monkeypatch.delenv("CUDA_LAUNCH_BLOCKING")
    wait_for_each_kernel()
    assert "CUDA has started before --debug-cuda" in caplog.text


def test_a_worker_whose_every_call_of_cuda_fails_still_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError(ILLEGAL)

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for call in ("synchronize", "mem_get_info"):
        monkeypatch.setattr(torch.cuda, call, fail)
    answer = Worker(RunContext("run", JobConfig(out=str(tmp_path)))).perform(ProbeTask(item("a")))
    assert isinstance(answer, Failure)
    assert answer.kind == "ContextLost"


def test_a_result_says_in_words_how_it_was_computed() -> None:
    assert recovery_note(AS_ASKED) == []
    assert recovery_note(ON_CPU) == ["CUDA failed on it, and it was computed on the CPU (on_gpu_error=cpu)"]
