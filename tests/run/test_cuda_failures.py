"""CUDA fails while an item is restored: its process gets no more tasks, and the item is computed in another way."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines import registry
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.stages.cuda_debugging import BLOCKING
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.clips import write_clip
from tests.engines.failing_card import LEVELS, install_failing_card
from tests.jobs import finish

ILLEGAL = "CUDA error: an illegal memory access was encountered"
LAUNCH = "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling cublasGemmEx"
EXACT = [f"propainter.{setting}" for setting in ("precision=fp32", "tf32=false", "compile=off", "attention=math")]
"""Nothing is left to change but the device."""
HOLE = "box:40,24,16,16"


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a clip of six frames, and the engine installed for this process and its children."""
    site = tmp_path / "site"
    site.mkdir()
    install_failing_card(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    registry._plugins.cache_clear()
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mkv", frames=6, size=(96, 64), codec="ffv1", pix_fmt="bgr0", audio=False)
    yield tmp_path
    sys.modules.pop("failing_card", None)
    registry._plugins.cache_clear()


def job_of(folder: Path, out: str = "out", *more: str, fails: str = "", says: str = ILLEGAL) -> JobConfig:
    """A job of two chunks, so that something is left to do after the first."""
    return load_job(
        overrides=[
            f"input.videos=[{folder}/in/clip.mkv]", f"input.masks='{HOLE}'", f"out={folder / out}", "mask.dilation=0",
            "engine=failing_card", f"failing_card.fails={fails}", f"failing_card.says='{says}'",
            f"failing_card.diary={folder / out}.diary", "stitch.codec=ffv1", "run.executor=inline", "run.attempts=1",
            "plan.block_length=3", "plan.overlap=0", "plan.chunk_length=3", *more,
        ]
    )  # fmt: skip


def calls(folder: Path, out: str = "out") -> tuple[list[int], list[str]]:
    """Processes in which the engine was called, by order of their first call as 0, 1, ..., and the ways."""
    lines = [line.split() for line in (folder / f"{out}.diary").read_text().splitlines()]
    processes = [*dict.fromkeys(process for process, _ in lines)]
    return [processes.index(process) for process, _ in lines], [way for _, way in lines]


def level(folder: Path, out: str = "out") -> set[int]:
    """Grey levels in the hole of the output."""
    with av.open(str(folder / out / "clip.mkv")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return {int(value) for frame in frames for value in frame[24:40, 40:56].flat}


def test_after_one_error_another_process_does_the_rest_and_nothing_else_is_different(clip: Path) -> None:
    finish(job_of(clip, "whole"))
    summary, rows = finish(job_of(clip, fails="once"))
    row = rows["clip"]
    assert (row.state, row.attempts, summary.exit_status) == ("restored", 1, 0)
    assert calls(clip) == ([0, 1, 1], ["asked"] * 3)
    assert (clip / "out/clip.mkv").read_bytes() == (clip / "whole/clip.mkv").read_bytes()
    assert (row.facts["cuda_errors"], row.facts["cuda_recovery"]) == (1, "new_process")
    assert "CUDA failed on it, and it was computed as the job asks, in another process" in row.reason
    _, of_whole = finish(job_of(clip, "whole"))
    assert not {"cuda_errors", "cuda_recovery"} & of_whole["clip"].facts.keys()


def test_what_fails_again_is_computed_without_what_may_be_at_fault_and_last_on_the_cpu(clip: Path) -> None:
    """The second chunk begins where the first one has arrived; the ledger says so, after a resumed run as well."""
    no_kernels = "propainter.compile=off", "propainter.attention=math"  # one step less
    job = job_of(clip, "out", "on_gpu_error=cpu", *no_kernels, fails="plain+fp32", says=LAUNCH)
    _, rows = finish(job)
    assert calls(clip) == ([0, 1, 2, 3, 3], ["plain", "plain", "fp32", "cpu", "cpu"])
    assert level(clip) == {LEVELS["cpu"]}
    row = rows["clip"]
    assert (row.state, row.attempts) == ("restored", 1)
    assert (row.facts["cuda_errors"], row.facts["cuda_recovery"]) == (3, "cpu")
    assert "computed on the CPU" in row.reason

    (clip / "out/clip.mkv").unlink()
    _, rows = finish(job)
    assert len(calls(clip)[0]) == 5, "its parts are taken as they are"
    assert rows["clip"].facts["cuda_recovery"] == "cpu"


def test_where_every_way_fails_the_item_is_quarantined_with_the_kind_and_the_way_out(clip: Path) -> None:
    summary, rows = finish(job_of(clip, "out", *EXACT, fails="fp32"))
    row = rows["clip"]
    assert (row.state, row.kind, row.stage, row.attempts) == ("quarantined", "ContextLost", "inpaint", 1)
    assert row.reason.startswith(f"{clip}/in/clip.mkv: CUDA failed, illegal access: {ILLEGAL}; tried again as the job")
    assert row.reason.endswith("--debug-cuda names the operator; on_gpu_error=cpu computes such items on the CPU")
    assert calls(clip) == ([0, 1], ["fp32", "fp32"]), "on a GPU there is only the way that the job asked for"
    assert summary.exit_status == 3


@pytest.mark.slow
def test_debugging_compiles_nothing_and_names_the_operator(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BLOCKING:
        monkeypatch.delenv(name, raising=False)
    words = ["propainter.attention=math", "failing_card.computes=true"]
    run_job(job_of(clip, "out", *words, fails="plain", says="no such kernel"), SilentDisplay(), debug_cuda=True)
    (row,) = read_ledger(clip / "out/_reelmend" / LEDGER)
    assert row.state == "failed"
    assert "no such kernel; the last operator was aten.mm.default of float32[2, 3] cpu, float32[3, 4] cpu" in row.reason
    assert calls(clip) == ([0], ["plain"])
    assert os.environ["CUDA_LAUNCH_BLOCKING"] == "1"


@pytest.mark.ray
def test_on_ray_the_worker_is_replaced(clip: Path, on_cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"runtime_env": {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(installed))  # as a submitted job gets it
    job = job_of(clip, "out", "run.executor=ray", "run.workers=1", fails="asked", says=LAUNCH)
    summary, rows = finish(job)
    assert (summary.executor, rows["clip"].state, rows["clip"].attempts) == ("ray", "restored", 1)
    assert calls(clip) == ([0, 1, 2, 2], ["asked", "asked", "plain", "plain"])
    assert level(clip) == {LEVELS["plain"]}
    assert rows["clip"].facts["cuda_recovery"] == "plain"
