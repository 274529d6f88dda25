"""Does a run survive everything at once? The short form of `make chaos`, and whether its judge sees what is wrong."""

import time
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.sealed import seal_lines, unseal_lines
from tests.chaos.campaign import run_campaign, table
from tests.chaos.faults import Fault, Faults, is_completion
from tests.chaos.killer import Kill, Killed
from tests.chaos.meddler import Meddler
from tests.chaos.verdict import Request, contents, ends, mended, repeats, written_past
from tests.chaos.workload import Truth

PART = "/b/out/_reelmend/store/parts/ab/abcd"


@pytest.mark.ray
@pytest.mark.usefixtures("_ray_for_tests")
@pytest.mark.slow
def test_every_item_ends_as_in_a_run_without_faults_whatever_is_killed_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    outcome = run_campaign(tmp_path, items=3, kills=2, mean_requests=25.0, share=0.1, seed=5)
    assert outcome.complaints == [], table(outcome)
    assert outcome.states == {"restored": 3}
    assert len(outcome.kills) >= 1
    assert len(outcome.meddling) >= 2, "a source was another one for a while"
    assert sum(total for total, _ in outcome.faults.values()) >= 5


def written(at: float, fault: Fault | None = None, status: int = 200, method: str = "PUT") -> Request:
    return Request(at, method, PART, "", fault, status)


def test_a_part_that_is_written_twice_for_no_reason_is_complained_about() -> None:
    complaints, explained = repeats([written(0.0), written(100.0)], [])
    assert len(complaints) == 1
    assert "written twice, 100.0 s apart" in complaints[0]
    assert explained == 0


@pytest.mark.parametrize(
    ("requests", "kills"),
    [
        ([written(0.0, Fault.ANSWER_LOST), written(1.0)], []),
        ([written(0.0), written(50.0, Fault.CUT, method="GET"), written(100.0)], []),
        ([written(100.0), written(105.0)], [Killed(90.0, Kill.DRIVER, "")]),
    ],
)
def test_a_fault_or_a_kill_explains_a_part_that_is_written_twice(requests: list[Request], kills: list[Killed]) -> None:
    assert repeats(requests, kills) == ([], 1)


def test_what_is_wrong_in_the_bucket_is_complained_about(bucket: str) -> None:
    client = boto3.client("s3")
    client.put_object(Bucket=bucket, Key="out/clip_0000.mkv", Body=b"right")
    client.put_object(Bucket=bucket, Key="out/clip_0001.mkv", Body=b"wrong")
    client.put_object(Bucket=bucket, Key="out/_reelmend/.writable", Body=b"x")
    client.create_multipart_upload(Bucket=bucket, Key="out/clip_0002.mkv")
    truth = Truth({"clip_0000.mkv": b"right", "clip_0001.mkv": b"right", "clip_0002.mkv": b"right"}, {})
    assert contents(bucket, truth) == [
        "clip_0001.mkv: not the bytes of a run without faults",
        "clip_0002.mkv: not the bytes of a run without faults",
        "out/_reelmend/.writable: left over",
        "out/clip_0002.mkv: unfinished upload",
    ]


def test_items_that_end_otherwise_than_without_faults_are_complained_about() -> None:
    good = ItemRow("a", "a.mkv", "", "", ItemState.RESTORED)
    rows = [
        good,
        replace(good, id="b", state=ItemState.FAILED, reason="disk full"),
        replace(good, id="c", state=ItemState.QUARANTINED, reason="s3://b/in/c.mkv: no video"),
        replace(good, id="d", state=ItemState.QUARANTINED, reason="s3://b/in/d.mkv: something else"),
    ]
    complaints = ends(rows, Truth({}, {"c": "c.mkv: no video", "d": "d.mkv: no video", "e": "e.mkv: empty"}), "b")
    assert [complaint.split(":")[0] for complaint in complaints] == ["b", "d", "e"]


def test_an_output_that_no_fault_could_meet_is_complained_about() -> None:
    diary = [Request(0.0, "PUT", "/b/out/clip_0000.mkv", "", None, 200)]
    truth = Truth({"clip_0000.mkv": b"", "clip_0001.mkv": b""}, {})
    assert written_past(diary, truth) == ["clip_0001.mkv: was written past the proxy"]


def test_the_same_seed_draws_the_same_faults_and_only_what_fits_a_request() -> None:
    asked = [("GET", "/b/a"), ("PUT", "/b/a"), ("HEAD", "/b/a"), ("POST", "/b/a?uploadId=1")] * 200
    first, second = Faults(7, 0.3), Faults(7, 0.3)
    drawn = [first.draw(*one) for one in asked]
    assert drawn == [second.draw(*one) for one in asked]
    assert set(drawn) == {*Fault, None}
    for (method, path), fault in zip(asked, drawn, strict=True):
        assert fault is not Fault.CUT or method == "GET"
        assert fault is not Fault.ANSWER_LOST or method == "PUT"
        assert fault not in (Fault.COMPLETION_LOST, Fault.COMPLETION_UNDONE) or is_completion(method, path)


def test_a_fault_is_mended_when_the_same_is_asked_again_and_answered() -> None:
    now = time.time()
    diary = [written(now, Fault.SLOW_DOWN, 0), written(now + 1), written(now + 2, Fault.SLOW_DOWN, 0)]
    assert mended(diary) == {Fault.SLOW_DOWN: (2, 1)}


def test_events_are_damaged_so_that_a_reader_can_tell(bucket: str) -> None:
    whole = seal_lines(['{"what": "state"}'] * 20)
    client = boto3.client("s3")
    client.put_object(Bucket=bucket, Key="out/_reelmend/ledger/events/run-1/000000.jsonl", Body=whole)
    meddler = Meddler(1, bucket, {})
    while not meddler.done:
        meddler.damage_events()
    harmed = client.get_object(Bucket=bucket, Key=meddler.done[0].what)["Body"].read()
    events, is_whole = unseal_lines(harmed)
    assert (is_whole, len(events) < 20 or harmed[:-1] != whole[:-1]) == (False, True)
