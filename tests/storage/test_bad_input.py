"""What does a person read whose job names a store that will not do? One line, before any work, and nothing is lost.

Each test types a whole command; its inputs lie in a bucket behind a server that refuses what the test says.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.ledger import ItemState, read_ledger
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.jobs import add_item
from tests.storage.faulty_store import FaultyStore, faults_before

QUICK = [
    "run.executor=inline",
    "s3.attempts=2",
    "run.outage_s=0.5",
    "plan.block_length=4",
    "plan.overlap=1",
    "plan.chunk_length=4",
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    add_item(folder, "clip", frames=8, size=(48, 32), audio=False)
    return folder / "in"


@pytest.fixture
def store(
    s3_endpoint: str, bucket: str, clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FaultyStore]:
    """With a clip and its mask in its bucket."""
    for name in ("clip.mp4", "clip_mask.mkv"):
        boto3.client("s3").upload_file(str(clip / name), bucket, f"in/{name}")
    monkeypatch.setenv("REELMEND_DEBUG", "")
    monkeypatch.chdir(tmp_path)
    with faults_before(s3_endpoint) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def type_in(command: str, *words: str) -> Result:
    return CliRunner().invoke(app, [command, *words, *QUICK, "store.cache_dir=cache"])


def restore(bucket: str, **other: str) -> Result:
    given = {"videos": f"s3://{bucket}/in/*.mp4", "out": f"s3://{bucket}/out"} | other
    return type_in("run", *(word for name, value in given.items() for word in (f"--{name}", value)))


def keys(bucket: str, prefix: str = "out/") -> list[str]:
    return [seen.key for seen in boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=prefix)]


def refused(result: Result, line: str) -> None:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.splitlines()[-1] == f"error: {line}"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("given", ["videos", "out", "manifest"])
def test_a_bucket_that_does_not_exist_is_named(store: FaultyStore, bucket: str, given: str) -> None:
    if given == "manifest":
        result = type_in("run", "--manifest", "s3://no-such-bucket-here/all.csv", "--out", f"s3://{bucket}/out")
    else:
        place = {"videos": "s3://no-such-bucket-here/in/*.mp4", "out": "s3://no-such-bucket-here/out"}[given]
        result = restore(bucket, **{given: place})
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "s3://no-such-bucket-here" in result.stderr
    assert result.stderr.endswith("NoSuchBucket: no such bucket; are its name and s3.endpoint right?\n")
    assert keys(bucket) == []


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ((403, "AccessDenied"), "AccessDenied: access denied; do these credentials grant it?"),
        (
            (400, "ExpiredToken"),
            "ExpiredToken: the credentials have expired; renew them, then run the same command again to resume",
        ),
        (
            (403, "RequestTimeTooSkewed"),
            "RequestTimeTooSkewed: this machine's clock differs from the store's; set it, then run the same "
            "command again",
        ),
    ],
)
def test_a_store_that_refuses_everything_is_told_before_any_work(
    store: FaultyStore, bucket: str, answer: tuple[int, str], line: str
) -> None:
    store.always = answer
    refused(restore(bucket), f"s3://{bucket}/in: {line}")


def test_an_output_folder_that_may_be_read_only_is_told_before_any_work(store: FaultyStore, bucket: str) -> None:
    store.refuse = lambda asked: (403, "AccessDenied") if asked.startswith("PUT") else None
    result = restore(bucket)
    assert result.exit_code == 2
    assert result.stderr.endswith("AccessDenied: access denied; do these credentials grant it?\n")
    assert keys(bucket) == []


def test_credentials_that_expire_midway_end_the_run_and_the_same_command_finishes(
    store: FaultyStore, bucket: str
) -> None:
    store.refuse = lambda asked: (400, "ExpiredToken") if any("/store/parts/" in one for one in store.asked) else None
    place = f"s3://{bucket}"
    words = ["--videos", f"{place}/in/*.mp4", "--out", f"{place}/out", *QUICK, "store.cache_dir=cache"]
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert (
        "ExpiredToken: the credentials have expired; renew them, then run the same command again to resume"
        in " ".join(done.stderr.split())
    )
    store.refuse = lambda asked: None
    result = restore(bucket)
    assert result.exit_code == 0, result.output
    rows = read_ledger(location_of(f"{place}/out/_reelmend") / LEDGER)
    assert [row.state for row in rows] == [ItemState.RESTORED]


def test_an_endpoint_where_nobody_answers_is_named(
    store: FaultyStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    result = restore(bucket)
    assert result.exit_code == 75
    assert result.stderr.splitlines()[-1].endswith(
        "the store does not answer: is it running, and is s3.endpoint right?"
    )
    assert "Could not connect to the endpoint URL" in result.stderr
    assert "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("manifest", "line"),
    [
        ("video,masks\nclip.mp4,clip_mask.mkv\n", "column 'mask' is missing (found: masks, video)"),
        ("mask\nclip_mask.mkv\n", "column 'video' is missing (found: mask)"),
    ],
)
def test_a_manifest_without_a_column_is_refused(
    store: FaultyStore, bucket: str, command: str, manifest: str, line: str
) -> None:
    place = f"s3://{bucket}/in/all.csv"
    boto3.client("s3").put_object(Bucket=bucket, Key="in/all.csv", Body=manifest.encode())
    refused(type_in(command, "--manifest", place, "--out", f"s3://{bucket}/out"), f"{place}: {line}")
    assert keys(bucket) == []


@pytest.mark.parametrize("command", ["run", "plan"])
def test_two_items_with_one_output_are_refused(store: FaultyStore, bucket: str, command: str) -> None:
    place = f"s3://{bucket}/in/all.csv"
    manifest = "video,mask,output\nclip.mp4,clip_mask.mkv,same\nother.mp4,clip_mask.mkv,same\n"
    boto3.client("s3").put_object(Bucket=bucket, Key="in/all.csv", Body=manifest.encode())
    refused(
        type_in(command, "--manifest", place, "--out", f"s3://{bucket}/out"),
        f"two items would write s3://{bucket}/out/same.mp4: s3://{bucket}/in/clip.mp4 and s3://{bucket}/in/other.mp4; "
        "set `output` for each in a manifest",
    )
    assert keys(bucket) == []


def test_a_second_run_is_told_who_writes_there_and_disturbs_nothing(store: FaultyStore, bucket: str) -> None:
    place = location_of(f"s3://{bucket}/out/_reelmend/lease.json")
    with lease_on(place, "first", Files()) as first:
        result = restore(bucket)
        assert result.exit_code == 2
        assert f"error: another run writes to s3://{bucket}/out: run first, process " in result.stderr
        assert not first.lost
        assert keys(bucket) == ["out/_reelmend/lease.json"]


def test_a_store_that_ignores_conditions_is_said_to_and_the_run_goes_on(
    store: FaultyStore, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.ignores_conditions = True
    assert restore(bucket).exit_code == 0
    assert f"the store of bucket {bucket} ignores If-None-Match on PUT" in caplog.text
