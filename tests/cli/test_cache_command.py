"""Can an operator look at the cached flow, check it and make it smaller? Around one real run, in this process."""

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from tests.jobs import add_item


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(*words: str) -> dict[str, Any]:
    result = type_in("cache", *words, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    return document | {"status": result.exit_code}


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    add_item(folder, "a", frames=13)
    (folder / "job.yaml").write_text(
        "input: {videos: [in/a.mp4]}\nout: out\nflow: {segment_length: 4}\nstore: {flow: flow}\n"
        "plan: {shots: false}\nrun: {executor: inline}\nflow_cache: {max_bytes: 1000000}\n"
    )
    assert type_in("run", str(folder / "job.yaml")).exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def a_copy_of_it(a_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow is the copy's own; what the run says of itself is the original's."""
    for name in ("flow", "job.yaml", "in"):
        (shutil.copytree if (a_run / name).is_dir() else shutil.copy2)(a_run / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)


def objects() -> list[Path]:
    return sorted(path for path in Path("flow/flow").rglob("*") if path.is_file())


def test_stat_says_how_much_there_is_of_what_and_of_which_budget(a_run: Path) -> None:
    found = said("stat", "job.yaml")
    size = sum(path.stat().st_size for path in objects())
    assert (found["segments"], found["bytes"], found["max_bytes"]) == (3, size, 1000000)
    assert found["share_of_budget"] == size / 1000000
    (share,) = found["by_flow"]
    assert share["name"].startswith("dis-quarter")
    text = type_in("cache", "stat", "job.yaml").stdout
    assert "segments" in text
    assert f"{size / 1e6:.0%} of 1.0 MB" in text


def test_what_the_cache_costs_stands_beside_what_it_saves() -> None:
    size = sum(path.stat().st_size for path in objects())
    price = "cost.price_per_gb_month=1e9"
    assert said("stat", "job.yaml", price)["price_a_month"] == size
    assert f"{size:,}.00 USD a month" in type_in("cache", "stat", "job.yaml", price).stdout
    words = ["--out", "second", "cost.price_per_cpu_hour=36000"]
    again = type_in("run", "job.yaml", *words).stdout
    assert "100% of 3 segments cached" in again
    assert "recomputing it would have cost " in again


@pytest.mark.parametrize("place", ["job.yaml", "flow", "file"])
def test_the_cache_is_named_by_a_job_or_by_itself(place: str) -> None:
    assert said("stat", f"file://{Path('flow').absolute()}" if place == "file" else place)["segments"] == 3


def test_the_cache_is_named_by_a_finished_run(a_run: Path) -> None:
    assert said("stat", str(a_run / "out"))["place"] == str(a_run / "flow")


def test_prune_says_first_what_it_would_remove() -> None:
    dry = said("prune", "flow", "--max-bytes", "1kB", "--dry-run")
    assert (dry["segments"], dry["dry_run"], len(objects())) == (3, True, 3)
    result = type_in("cache", "prune", "flow", "--max-bytes", "1kB")
    assert result.exit_code == 0
    assert result.stdout.startswith("3 segments (")
    assert "removed, 0 (0 B) kept" in result.stdout
    assert objects() == []


def test_prune_without_limits_keeps_to_the_jobs_budget() -> None:
    assert said("prune", "job.yaml")["segments"] == 0
    assert said("prune", "job.yaml", "flow_cache.max_bytes=1")["segments"] == 3


def test_what_was_used_lately_is_not_older_than_a_day() -> None:
    assert said("prune", "flow", "--older-than", "1d")["segments"] == 0
    assert said("prune", "flow", "--older-than", "0s")["segments"] == 3


def test_verify_deletes_what_is_damaged_says_so_and_ends_with_status_3() -> None:
    assert said("verify", "flow") == {
        "place": "flow",
        "objects": 3,
        "bytes": sum(path.stat().st_size for path in objects()),
        "damaged": [],
        "half_written": 0,
        "status": 0,
    }
    damaged = objects()[1]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    result = type_in("cache", "verify", "flow")
    assert result.exit_code == 3
    assert f"damaged, deleted: {damaged}" in result.stdout
    assert "damaged and deleted: 1" in result.stdout
    assert not damaged.exists()
    assert said("verify", "flow")["objects"] == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "no cache given: pass a job file, a run's output folder, or the folder or bucket prefix of the cache"),
        (["nowhere"], "nowhere: not a job file (.yaml), a folder or a bucket prefix"),
        (["in"], "in: not the output folder of a run, and holds no cached flow"),
        (["flow"], "no limit given: use --max-bytes or --older-than, or set flow_cache.max_bytes"),
        (["flow", "--max-bytes", "lots"], "'lots' is not a valid size; use 500GB, 1.5TB or 1000000"),
        (["flow", "--older-than", "5"], "'5' is not a valid duration; use 30d, 12h, 45min or 90s"),
    ],
)
def test_a_mistake_is_one_line_and_removes_nothing(words: list[str], line: str) -> None:
    result = type_in("cache", "prune", *words)
    assert (result.exit_code, result.stderr) == (2, f"error: {line}\n")
    assert len(objects()) == 3


def test_a_cache_in_a_bucket_is_looked_at_checked_and_made_smaller(bucket: str) -> None:
    for path in objects():
        boto3.client("s3").upload_file(str(path), bucket, str(Path("shared") / path.relative_to("flow")))
    place = f"s3://{bucket}/shared"
    boto3.resource("s3").Object(bucket, f"shared/{objects()[0].relative_to('flow')}").put(Body=b"half")
    assert said("stat", place)["segments"] == 3
    assert (said("verify", place)["status"], said("verify", place)["status"]) == (3, 0)
    assert said("prune", place, "--max-bytes", "0")["segments"] == 2
    assert "holds no cached flow" in type_in("cache", "stat", place).stderr
