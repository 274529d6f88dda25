"""A run whose videos, masks, store and outputs lie in a bucket gives the bytes of a local run, and resumes there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.config import InputConfig, JobConfig, S3Config, StoreConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.location import location_of
from tests.clips import scene, write_images
from tests.jobs import add_item, lossless_job
from tests.storage.faulty_store import faults_before

FRAMES = 8


def small_job(folder: Path, out: str = "out") -> JobConfig:
    return lossless_job(folder, out, block_length=4, overlap=1, chunk_length=4)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two clips, one of them a folder of images, and what a local run makes of them."""
    folder = tmp_path_factory.mktemp("local")
    add_item(folder, "clip", frames=FRAMES)
    write_images(folder / "in/frames", scene(FRAMES))
    shutil.copyfile(folder / "in/clip_mask.mkv", folder / "in/frames_mask.mkv")
    run_job(small_job(folder), SilentDisplay())
    return folder


@pytest.fixture
def job(local: Path, bucket: str, tmp_path: Path) -> JobConfig:
    """The same in a bucket."""
    client = boto3.client("s3")
    for path in (local / "in").rglob("*.*"):
        client.upload_file(str(path), bucket, f"in/{path.relative_to(local / 'in')}")
    job = small_job(local)
    store = StoreConfig(cache_dir=str(tmp_path / "cache"))
    return replace(job, out=f"s3://{bucket}/out", input=InputConfig(videos=[f"s3://{bucket}/in/*"]), store=store)


def run(job: JobConfig) -> tuple[RunSummary, dict[str, ItemRow]]:
    summary = run_job(job, SilentDisplay())
    return summary, {row.id: row for row in read_ledger(location_of(job.out) / "_reelmend/ledger")}


def outputs(out: str) -> dict[str, bytes | None]:
    files = Files()
    return {name: files.read(location_of(out) / name) for name in ("clip.mkv", "frames.mkv")}


def test_a_finished_run_is_cleaned_in_its_bucket_and_still_known_to_be_finished(job: JobConfig) -> None:
    run(job)
    folder = location_of(job.out) / "_reelmend/store"

    def kinds() -> set[str]:
        return {str(entry.place).removeprefix(f"{folder}/").split("/")[0] for entry in Files().walk(folder)}

    assert {"parts", "flow"} < kinds()
    shown = CliRunner().invoke(app, ["clean", job.out, "--dry-run", "--json"])
    assert {"parts", "flow"} < kinds()
    removed = CliRunner().invoke(app, ["clean", job.out, "--json"])
    assert removed.exit_code == 0, removed.stderr
    assert json.loads(removed.stdout)["bytes"] == json.loads(shown.stdout)["bytes"] > 0
    assert not {"parts", "flow"} & kinds()
    again, _ = run(job)
    assert (again.finished_earlier, again.tasks_computed) == (2, 0)


def test_everything_in_a_bucket_gives_the_same_bytes_and_a_second_run_does_nothing(
    job: JobConfig, local: Path, tmp_path: Path
) -> None:
    summary, rows = run(job)
    assert summary.states == {"restored": 2}, [row.reason for row in rows.values()]
    assert outputs(job.out) == outputs(str(local / "out"))
    assert not (tmp_path / "cache/staged").exists()
    shutil.rmtree(tmp_path / "cache")
    again, rows = run(job)
    assert (again.finished_earlier, again.tasks_computed, again.exit_status) == (2, 0, 0)
    assert not (tmp_path / "cache").exists(), "nothing was read to know that there is nothing to do"


def test_a_run_in_a_bucket_goes_on_where_it_was_and_mends_what_is_damaged(
    job: JobConfig, bucket: str, local: Path
) -> None:
    run(job)
    objects = boto3.resource("s3").Bucket(bucket).objects
    boto3.client("s3").delete_object(Bucket=bucket, Key="out/clip.mkv")
    part, other = list(objects.filter(Prefix="out/_reelmend/store/parts/"))[:2]
    part.put(Body=part.get()["Body"].read()[:-20])
    other.put(Body=b"")
    summary, rows = run(job)
    assert summary.states == {"restored": 2}
    assert summary.finished_earlier == 1
    assert rows["clip"].chunks_reused + rows["clip"].chunks_computed == rows["clip"].chunks_planned
    assert outputs(job.out) == outputs(str(local / "out"))


def test_a_changed_video_or_mask_is_read_again_and_named_by_its_url(job: JobConfig, bucket: str, local: Path) -> None:
    run(job)
    client = boto3.client("s3")
    client.copy_object(Bucket=bucket, Key="in/clip.mp4", CopySource=f"{bucket}/in/frames/00000.png")
    client.put_object(Bucket=bucket, Key="in/frames_mask.mkv", Body=b"no video")
    summary, rows = run(job)
    assert summary.states == {"quarantined": 2}
    assert f"s3://{bucket}/in/clip_mask.mkv: the mask has {FRAMES} frames, its video clip.mp4 1" in rows["clip"].reason
    assert rows["frames"].reason.startswith(f"mask s3://{bucket}/in/frames_mask.mkv: ")


def test_flow_can_be_kept_elsewhere_and_found_by_another_run(job: JobConfig, local: Path, tmp_path: Path) -> None:
    shared = replace(job.store, flow=str(tmp_path / "flow"))
    run(replace(job, store=shared))
    assert any((tmp_path / "flow/flow").rglob("*"))
    summary, rows = run(replace(small_job(local, "second"), store=shared))
    assert rows["clip"].tasks_reused > 0
    assert summary.chunks_computed > 0


def test_a_manifest_in_a_bucket_names_videos_beside_it(job: JobConfig, bucket: str) -> None:
    listed = [
        {"video": "clip.mp4", "mask": "clip_mask.mkv"},
        {"video": f"s3://{bucket}/in/none.mp4", "mask": "clip_mask.mkv"},
    ]
    manifest = "\n".join(json.dumps(row) for row in listed).encode()
    boto3.client("s3").put_object(Bucket=bucket, Key="in/all.jsonl", Body=manifest)
    summary, rows = run(replace(job, input=InputConfig(manifest=f"s3://{bucket}/in/all.jsonl")))
    assert summary.states == {"restored": 1, "quarantined": 1}
    assert rows["none"].reason == f"s3://{bucket}/in/none.mp4: no such video"


def test_a_second_run_is_told_who_writes_there(job: JobConfig, bucket: str) -> None:
    place = location_of(job.out) / "_reelmend/lease.json"
    with (
        lease_on(place, "first", Files()),
        pytest.raises(SetupError, match=rf"writes to s3://{bucket}/out: run first, "),
    ):
        run(job)


def test_the_commands_find_a_run_in_a_bucket(job: JobConfig, tmp_path: Path) -> None:
    run(job)
    (tmp_path / "job.yaml").write_text(dump_job(job))
    for words in (
        ["status", str(tmp_path / "job.yaml")],
        ["status", job.out],
        ["report", "--out", job.out],
        ["plan", str(tmp_path / "job.yaml")],
    ):
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, done.output
        said = json.loads(done.stdout)
        assert said.get("ended", True)
    assert said["totals"]["frames"] == 2 * FRAMES
    assert Path(tmp_path / "cache/inputs").is_dir()


def test_a_run_that_cannot_write_to_its_bucket_says_so_before_any_work(
    job: JobConfig, bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupError, match=r"s3://no-such-bucket-here/.*no such bucket"):
        run(replace(job, out="s3://no-such-bucket-here/out"))
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.always = (403, "AccessDenied")
        with pytest.raises(SetupError, match=rf"s3://{bucket}/in: AccessDenied: access denied"):
            run(job)


def test_credentials_that_expire_at_the_end_cost_the_report_and_not_the_run(
    job: JobConfig, bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.refuse = lambda asked: (400, "ExpiredToken") if asked.endswith("/run.json") else None
        nothing_there = InputConfig(videos=[f"s3://{bucket}/in/none.mp4"], masks=f"s3://{bucket}/in/none.png")
        assert run(replace(job, input=nothing_there))[0].states == {"quarantined": 1}
        store.refuse = lambda asked: None
        assert not Files().exists(location_of(job.out) / "_reelmend/run.json")


def test_a_run_survives_a_store_that_fails_now_and_then(
    job: JobConfig, local: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job, s3=S3Config(attempts=4))
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.answers = [(500, "InternalError"), (503, "SlowDown"), (500, "InternalError")]
        store.cut_after = [10] * 3
        store.lost_answers = 2
        summary, _ = run(job)
        assert summary.states == {"restored": 2}
        assert outputs(job.out) == outputs(str(local / "out"))
