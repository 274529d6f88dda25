"""What does a person read when a store refuses, and what does nobody notice because it was mended?"""

import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from reelmend.pipelines.choices import Addressing
from reelmend.pipelines.config import S3Config
from reelmend.pipelines.errors import SetupError, StoreAway, StoreError
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.events import EventLog, read_events
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.s3_files import S3Files
from tests.storage.faulty_store import FaultyStore, faults_before

CONTENT = bytes(range(256)) * 40_000
"""Ten megabytes."""


@pytest.fixture
def store(s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with faults_before(s3_endpoint) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def place(bucket: str) -> RemotePath:
    return RemotePath(bucket, "a/video.mp4")


def test_a_store_that_is_busy_is_asked_again(store: FaultyStore, place: RemotePath, files: Files) -> None:
    store.answers = [(503, "SlowDown")]
    files.write(place, b"value")
    store.answers = [(500, "InternalError")]
    assert files.read(place) == b"value"


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (429, "TooManyRequests")])
def test_a_store_that_stays_busy_is_a_passing_error_that_names_the_object(
    store: FaultyStore, place: RemotePath, files: Files, status: int, code: str
) -> None:
    store.always = (status, code)
    with pytest.raises(StoreError, match=rf"^{place}: {code}: because$"):
        files.read(place)


def test_an_outage_uses_up_the_tries_of_no_later_request(s3_credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota that all requests share was gone in a moment: what came after that failed at once."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    files, tries = Files(S3Config(attempts=5, endpoint="http://127.0.0.1:9")), []
    for _ in range(60):
        before = len(waits)
        with pytest.raises(StoreAway):
            files.read(RemotePath("b", "a/video.mp4"))
        tries.append(1 + len(waits) - before)
    assert tries == [5] * 60


def test_a_segment_of_events_is_never_written_again_with_more_in_it(
    store: FaultyStore, bucket: str, files: Files
) -> None:
    events = EventLog(RemotePath(bucket, "events"), files)
    events.add({"item": "a"})
    store.lost_answers = 2  # of every try: the segment is there, and the run does not know
    with pytest.raises(StoreError):
        events.sync()
    events.add({"item": "b"})
    events.sync()
    assert list(read_events(RemotePath(bucket, "events"), 0, files)) == [
        (0, [{"item": "a"}], ""),
        (1, [{"item": "b"}], ""),
    ]


def test_a_body_that_breaks_off_goes_on_from_there(store: FaultyStore, place: RemotePath, tmp_path: Path) -> None:
    files = Files(S3Config(attempts=4))
    files.write(place, CONTENT)
    entry = files.look(place)
    assert entry is not None
    store.cut_after = [3_000_000, 0, 1]
    files.of(place).fetch(entry, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    store.cut_after = [100, 2_000_000]
    assert files.read(place) == CONTENT


def test_an_answer_that_says_what_is_wrong_may_break_off_too(
    store: FaultyStore, place: RemotePath, files: Files
) -> None:
    store.cut_after = [20]
    assert files.read(place) is None
    store.cut_after = [20] * 10
    with pytest.raises(StoreError, match=str(place)):
        files.read(place)


def test_a_body_that_always_breaks_off_is_an_error_and_never_half_an_object(
    store: FaultyStore, place: RemotePath, files: Files, tmp_path: Path
) -> None:
    files.write(place, CONTENT)
    store.cut_after = [1000] * 10
    with pytest.raises(StoreError, match=str(place)):
        files.read(place)
    entry = files.look(place)
    assert entry is not None
    with pytest.raises(StoreError, match=str(place)):
        files.of(place).fetch(entry, tmp_path / "copy")


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "access denied; do these credentials grant it"),
        (403, "InvalidAccessKeyId", "unknown access key"),
        (403, "SignatureDoesNotMatch", "is the secret key right"),
        (400, "ExpiredToken", "the credentials have expired; renew them"),
        (404, "NoSuchBucket", "no such bucket"),
        (400, "AuthorizationHeaderMalformed", "another region; set s3.region"),
    ],
)
def test_a_refusal_is_one_line_with_what_to_do(
    store: FaultyStore, place: RemotePath, files: Files, status: int, code: str, advice: str
) -> None:
    store.always = (status, code)
    for ask in (files.read, lambda p: files.write(p, b"x"), lambda p: list(files.walk(p)), files.delete):
        with pytest.raises(SetupError, match=advice) as error:
            ask(place)
        said = str(error.value)
        assert "\n" not in said
        assert "testing" not in said, "no credential is ever shown"


def test_a_bucket_that_is_not_there_is_said_whatever_is_asked(s3_credentials: None, files: Files) -> None:
    place = RemotePath("no-such-bucket-here", "a.mp4")
    for ask in (files.read, files.look, files.mark, files.children, lambda p: files.write(p, b"x")):
        with pytest.raises(SetupError, match=r"no-such-bucket-here.*no such bucket"):
            ask(place)


@pytest.mark.parametrize(
    "config", [S3Config(endpoint="nowhere"), S3Config(ca_bundle="/no/such.pem", endpoint="https://127.0.0.1:9")]
)
def test_settings_that_cannot_work_are_said(s3_credentials: None, config: S3Config) -> None:
    with pytest.raises(
        SetupError, match=r"is s3\.endpoint or AWS_ENDPOINT_URL right|s3\.ca_bundle=/no/such.pem: no such file"
    ):
        Files(config).read(RemotePath("bucket", "a"))


def test_an_endpoint_where_nobody_answers_is_named(
    s3_credentials: None, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"s3://b/a: .*127\.0\.0\.1:9"):
        files.read(RemotePath("b", "a"))


def test_an_endpoint_in_the_job_wins_over_the_environment(
    s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    files = Files(S3Config(endpoint=s3_endpoint, region="us-east-1", addressing=Addressing.path))
    files.write(RemotePath(bucket, "a"), b"value")
    assert files.read(RemotePath(bucket, "a")) == b"value"


@pytest.mark.parametrize("seen", [True, False])
def test_an_upload_whose_completion_gets_no_answer_arrives_and_is_sent_once(
    store: FaultyStore, bucket: str, tmp_path: Path, seen: bool
) -> None:
    (tmp_path / "large").write_bytes(CONTENT)
    place = RemotePath(bucket, "out/large.mkv")
    files = Files(S3Config(attempts=3, piece_bytes=5 << 20))
    store.lost_completions = [seen]
    files.of(place).publish(tmp_path / "large", place)
    assert files.read(place) == CONTENT
    assert sum(asked.startswith("PUT") for asked in store.asked) == 2, "two pieces, each sent once"
    assert "Uploads" not in boto3.client("s3").list_multipart_uploads(Bucket=bucket)


def test_an_upload_that_was_lost_leaves_the_object_that_was_there_and_may_be_tried_again(
    store: FaultyStore, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(CONTENT)
    place = RemotePath(bucket, "out/large.mkv")
    files = Files(S3Config(attempts=2, piece_bytes=5 << 20))
    files.write(place, bytes(len(CONTENT)))
    store.refuse = lambda asked: (404, "NoSuchUpload") if asked.startswith("POST") and "uploadId" in asked else None
    with pytest.raises(StoreError, match=r"out/large\.mkv: NoSuchUpload"):
        files.of(place).publish(tmp_path / "large", place)
    assert files.read(place) == bytes(len(CONTENT))


def test_an_artefact_that_was_damaged_on_its_way_is_read_again_and_not_deleted(store: FaultyStore, bucket: str) -> None:
    artefacts = Store(RemotePath(bucket, "store"), Files(S3Config(attempts=2)))
    artefacts.put("a", b"value")
    store.garbled = 1
    assert artefacts.get("a") == b"value"
    store.garbled = 2
    assert artefacts.get("a") is None
    assert not artefacts.exists("a")


def test_a_failed_upload_leaves_no_pieces_and_those_of_killed_processes_are_aborted(
    store: FaultyStore, bucket: str, files: Files, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(65 << 20))
    place = RemotePath(bucket, "out/large.mkv")
    system = files.of(place)
    assert isinstance(system, S3Files)
    client = boto3.client("s3")
    system.client.meta.events.register(
        "before-send.s3.UploadPart", lambda **_: setattr(store, "always", (500, "InternalError"))
    )
    system.client.meta.events.register("after-call.s3.UploadPart", lambda **_: setattr(store, "always", None))
    with pytest.raises(StoreError, match=r"out/large\.mkv: InternalError"):
        system.publish(tmp_path / "large", place)
    store.always = None
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    assert not files.exists(place)


@pytest.mark.parametrize("out", ["out", ""], ids=["a folder", "a whole bucket"])
def test_uploads_of_killed_processes_to_places_of_this_run_are_aborted_and_no_others(
    bucket: str, files: Files, out: str
) -> None:
    """Another producer's, and those of a run whose `out` lies inside this one's, may be under way."""
    client, folder = boto3.client("s3"), RemotePath(bucket, out)
    ours = ["left.mkv", "frames/000.png", "_reelmend/report/items.js"]
    others = ["left.mkv.1", "frames-of-others/000.png", "nested/left.mkv", "nested/_reelmend/x"]
    for name in (*ours, *others):
        client.create_multipart_upload(Bucket=bucket, Key=(folder / name).key)
    files.tidy(folder, (folder / name for name in ("_reelmend", "left.mkv", "frames", "never-begun.mkv")))
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert sorted(upload["Key"] for upload in left) == sorted((folder / name).key for name in others)
