"""Does every line say, to a machine, for which run, item and chunk it was written: in the driver and in workers?"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.choices import ExecutorName, LogFormat
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.utils.logs import JsonLines, LogLine, log_fields, log_format
from tests.jobs import add_item, lossless_job

ROOT = Path(__file__).parents[2]
RAY_SESSIONS = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray"


def line(message: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("some.package", logging.WARNING, "x.py", 1, message, (), more.get("exc_info"))
    found: dict[str, Any] = json.loads(JsonLines().format(record))
    return found


def job_file(folder: Path, executor: ExecutorName, log: LogFormat) -> Path:
    add_item(folder, "clip", frames=8, size=(64, 48))
    job = lossless_job(folder, executor=executor, block_length=4, overlap=1, chunk_length=4)
    job.input.videos = [str(folder / "in" / "clip.mp4")]
    job.log.format, job.run.workers = log, 1
    (folder / "job.yaml").write_text(dump_job(job))
    return folder / "job.yaml"


def run(job: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(job)]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_text_has_fields_before_words_and_quotes_what_is_not_one_word() -> None:
    assert str(LogLine("over", run="r", reason="disk full", item=None)) == "run=r reason='disk full' over"


def test_a_line_carries_its_own_fields_and_those_of_the_blocks_around_it() -> None:
    with log_fields(run="r", item="a"), log_fields(chunk=3, segment=None):
        found = line(LogLine("done", seconds=1.5))
    assert {name: found[name] for name in ("run", "item", "chunk", "seconds", "message")} == {
        "run": "r",
        "item": "a",
        "chunk": 3,
        "seconds": 1.5,
        "message": "done",
    }
    assert "segment" not in found
    assert "run" not in line("afterwards")


def test_what_a_library_says_and_an_exception_are_one_line_too() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        found = line("a 'quoted'\nmessage", exc_info=sys.exc_info())
    assert found["message"] == "a 'quoted'\nmessage"
    assert found["trace"].endswith("ValueError: two\nlines")


@pytest.mark.parametrize(
    ("chosen", "environment", "expected"),
    [("auto", None, "text"), ("auto", "json", "json"), ("text", "json", "text"), ("json", "text", "json")],
)
def test_the_job_beats_the_environment(
    chosen: str, environment: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REELMEND_LOG_FORMAT", raising=False)
    if environment:
        monkeypatch.setenv("REELMEND_LOG_FORMAT", environment)
    assert log_format(LogFormat(chosen)) == expected


def test_a_format_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMEND_LOG_FORMAT", "xml")
    with pytest.raises(ConfigError, match="REELMEND_LOG_FORMAT=xml: not a log format; use text or json"):
        log_format(LogFormat.auto)


def test_every_line_of_an_inline_run_is_an_object_and_tasks_name_item_stage_and_chunk(tmp_path: Path) -> None:
    done = run(job_file(tmp_path, ExecutorName.inline, LogFormat.auto), REELMEND_LOG_FORMAT="json")
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    assert len({found["run"] for found in lines if "run" in found}) == 1
    chunks = [(found["item"], found["chunk"], found["message"]) for found in lines if found.get("stage") == "inpaint"]
    assert chunks == [("clip", 0, "done"), ("clip", 1, "done")]
    assert {"stage": "flow", "segment": 0}.items() <= next(f for f in lines if f.get("stage") == "flow").items()
    assert lines[-1]["message"] == "over"


@pytest.mark.slow
@pytest.mark.ray
def test_workers_on_ray_log_in_the_format_of_the_driver(tmp_path: Path, on_cluster: str) -> None:
    done = run(job_file(tmp_path, ExecutorName.ray, LogFormat.json), RAY_ADDRESS=on_cluster)
    said = [text for text in done.stderr.splitlines() if "network_util.cc" not in text]  # Ray's, where no network is
    run_id = next(found["run"] for found in map(json.loads, said) if "run" in found)
    files = RAY_SESSIONS.glob("session_*/logs/worker-*.err")
    lines = [text for file in files for text in file.read_text(errors="replace").splitlines() if run_id in text]
    told = {(found["stage"], found.get("chunk")) for found in map(json.loads, lines) if "stage" in found}
    assert told == {("probe", None), ("flow", None), ("inpaint", 0), ("inpaint", 1), ("stitch", None)}
