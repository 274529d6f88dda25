"""What does `run --profile` leave, and what does `reelmend profile` make of it, and of a run without it?"""

import gzip
import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from reelmend.core_model.ranges import named_range
from reelmend.pipelines.cli import app
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.observe.profile_findings import from_traces, read_trace
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.torch_trace import run_traced, trace_name
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.tasks import Chunk, InpaintReceipt, InpaintTask, Item, ItemPlan, Receipt, TraceDetail
from tests.jobs import add_item, lossless_job

PROFILE = Path("_reelmend/profile")


def type_in(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.stderr
    return result.stdout


def events(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    return found


def slowest(folder: Path) -> str:
    seconds = read_ledger(folder / "out/_reelmend/ledger")[0].seconds
    return max(seconds, key=lambda stage: seconds[stage])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of four chunks, restored with --profile."""
    folder = tmp_path_factory.mktemp("profiled")
    add_item(folder, "clip", frames=13, size=(64, 48))
    job = lossless_job(folder, block_length=4, overlap=1, chunk_length=1)
    job.input.videos = [str(folder / "in" / "clip.mp4")]
    (folder / "job.yaml").write_text(dump_job(job))
    told = type_in("run", str(folder / "job.yaml"), "--profile")
    assert "open it in ui.perfetto.dev, or run `reelmend profile`" in told
    return folder


def test_the_timeline_has_a_row_a_worker_and_a_span_a_task_in_order(folder: Path) -> None:
    found = events(folder / "out" / PROFILE / "timeline.json.gz")
    spans = [event for event in found if event["ph"] == "X"]
    row = read_ledger(folder / "out/_reelmend/ledger")[0]
    assert [event["cat"] for event in spans].count("inpaint") == row.chunks_computed == 4
    assert sum(event["dur"] for event in spans) / 1e6 == pytest.approx(sum(row.seconds.values()), rel=0.05)
    (name,) = [event["args"]["name"] for event in found if event["name"] == "thread_name"]
    assert name.startswith("worker ")
    assert {event["tid"] for event in spans} == {event["tid"] for event in found if event["name"] == "thread_name"}
    for before, after in pairwise(spans):  # one worker does one thing at a time
        assert before["ts"] + before["dur"] <= after["ts"] + 1


def test_traces_are_kept_of_the_first_chunks_only_and_hold_the_task(folder: Path) -> None:
    traces = sorted(path.name for path in (folder / "out" / PROFILE).glob("torch-*"))
    assert traces == ["torch-flow-clip-0.json.gz", *(f"torch-inpaint-clip-{n}.json.gz" for n in range(3))]
    spans = [event for event in events(folder / "out" / PROFILE / traces[1]) if event.get("ph") == "X"]
    assert "reelmend inpaint:clip:0" in {event["name"] for event in spans}


def chunk(folder: Path) -> InpaintTask:
    clip = Item("clip", folder / "clip.mp4", None, folder / "clip.mkv")
    return InpaintTask(clip, ItemPlan("probe", 1, 64, 64, (), ()), Chunk(0, (), ()))


class Product:
    @named_range(lambda _, side: f"product of numbers {side}")
    def of(self, side: int) -> torch.Tensor:
        return torch.ones(side, side).matmul(torch.ones(side, side))


def product_of(task: InpaintTask) -> Receipt:
    Product().of(64)
    return InpaintReceipt(task.id)


def test_a_trace_holds_what_networks_compute(tmp_path: Path) -> None:
    task = chunk(tmp_path)
    context = RunContext("r", lossless_job(tmp_path))
    run_traced(task, lambda: product_of(task), context, Files())
    trace = read_trace((tmp_path / "out" / PROFILE / trace_name(task)).read_bytes())
    assert {"aten::mm", "aten::ones"} <= set(trace.seconds)
    assert {"the rest", "product of numbers"} == set(trace.steps)
    operators, steps = from_traces(task.stage, [trace])
    assert operators.what.startswith("In 1 traced inpaint tasks, torch computed for ")
    assert "product of numbers" in steps.what


@pytest.mark.parametrize(
    ("details", "fields"),
    [
        ((), set()),
        ((TraceDetail.SHAPES,), {"Input Dims"}),
        ((TraceDetail.SHAPES, TraceDetail.STACK), {"Input Dims", "Python id"}),
        ((TraceDetail.MEMORY,), {"Bytes"}),
    ],
    ids=["none", "shapes", "shapes and stack", "memory"],
)
def test_a_trace_has_the_details_that_were_asked_for_and_no_others(
    tmp_path: Path, details: tuple[TraceDetail, ...], fields: set[str]
) -> None:
    task = replace(chunk(tmp_path), trace_details=details)
    run_traced(task, lambda: product_of(task), RunContext("r", lossless_job(tmp_path)), Files())
    found = events(tmp_path / "out" / PROFILE / trace_name(task))
    told = {name for event in found for name in event.get("args", {})}
    assert told & {"Input Dims", "Python id", "Bytes"} == fields


def test_nvtx_puts_ranges_around_steps_and_writes_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task, pushed = replace(chunk(tmp_path), trace_details=(TraceDetail.NVTX,)), list[str]()
    context = RunContext("r", lossless_job(tmp_path))
    run_traced(task, lambda: product_of(task), context, Files())
    assert "no NVTX ranges: torch sees no CUDA device here" in caplog.text

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda.nvtx, "range_push", pushed.append)
    monkeypatch.setattr(torch.cuda.nvtx, "range_pop", lambda: None)
    run_traced(task, lambda: product_of(task), context, Files())
    assert pushed == ["reelmend inpaint:clip:0", "product of numbers 64"]
    assert not (tmp_path / "out" / PROFILE).exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("shape", "--profile: 'shape' is not one of shapes, memory, stack, nvtx; --profile alone records traces"),
        ("nvtx,stack", "--profile=nvtx records no traces that could have details; use it alone"),
    ],
)
def test_a_detail_that_does_not_exist_is_refused_before_any_work(folder: Path, typed: str, told: str) -> None:
    result = CliRunner().invoke(app, ["run", str(folder / "job.yaml"), f"--profile={typed}"])
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_profile_names_the_bottleneck_with_its_figures_and_what_to_turn(folder: Path) -> None:
    told = type_in("profile", "--out", str(folder / "out"))
    assert f"The bottleneck is {slowest(folder)}: " in told
    assert told.splitlines()[2].startswith("  change: ")
    assert "The one worker was at work for" in told
    assert "In 3 traced inpaint tasks, torch computed nothing: they compute with NumPy, numba and OpenCV." in told


def test_every_finding_is_a_sentence_with_a_figure(folder: Path) -> None:
    findings = json.loads(type_in("profile", "--out", str(folder / "out"), "--json"))["findings"]
    assert len(findings) >= 5
    assert all(any(letter.isdigit() for letter in finding["what"]) for finding in findings)


def test_a_second_profile_replaces_the_traces_of_the_first_and_finds_nothing_to_trace(
    folder: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder / "out", again)
    (again / "clip.mkv").unlink()
    type_in("run", str(folder / "job.yaml"), "--profile", f"out={again}")
    assert [path.name for path in (again / PROFILE).iterdir()] == ["timeline.json.gz"]

    shutil.rmtree(again / PROFILE)
    (again / "clip.mkv").unlink()
    type_in("run", str(folder / "job.yaml"), f"out={again}")
    assert (again / "clip.mkv").exists()
    assert not (again / PROFILE).exists(), "nobody asked for one"


def test_a_run_that_has_not_ended_is_told_as_far_as_the_ledger_goes(folder: Path) -> None:
    (folder / "out/_reelmend/run.json").rename(folder / "out/_reelmend/run.json.away")
    try:
        told = type_in("profile", "--out", str(folder / "out"))
    finally:
        (folder / "out/_reelmend/run.json.away").rename(folder / "out/_reelmend/run.json")
    assert "the run so far" in told
    assert f"The bottleneck is {slowest(folder)}: " in told
    assert "are known when the run has ended" in told
