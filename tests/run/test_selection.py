"""Which items does a run take up, and what does it say of the others?"""

import os
import time
from datetime import datetime
from pathlib import Path

import boto3
import pytest

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.run.selection import Selection, read_since
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.ledger.write import take_over
from reelmend.pipelines.storage.location import Location, RemotePath
from reelmend.pipelines.tasks import Item

ENDS = {
    "restored": ItemState.RESTORED,
    "untouched": ItemState.UNTOUCHED,
    "bad": ItemState.QUARANTINED,
    "failed": ItemState.FAILED,
    "waiting": ItemState.PENDING,
}


def item(name: str, folder: Location = Path("in")) -> Item:
    return Item(name, folder / f"{name}.mp4", folder / f"{name}.png", Path(f"out/{name}.mp4"))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Of a run that left an item at each end, and one that it did not get to."""
    rows = {name: ItemRow(name, f"in/{name}.mp4", "m.png", f"out/{name}.mp4", state) for name, state in ENDS.items()}
    take_over(tmp_path / "ledger", rows, "one", Files(), started_at=0.0)
    return tmp_path / "ledger"


def chosen(ledger: Path, **flags: bool) -> tuple[list[str], dict[str, int]]:
    items = [item(name) for name in [*ENDS, "new"]]
    left, left_out = Selection(**flags).choose(items, ledger, Files())
    return [item.id for item in left], left_out


def test_without_flags_every_item_is_taken_up(ledger: Path) -> None:
    assert chosen(ledger) == ([*ENDS, "new"], {})


def test_only_new_takes_up_what_no_run_has_brought_to_an_end(ledger: Path) -> None:
    assert chosen(ledger, only_new=True) == (["waiting", "new"], {"not new": 4})
    assert chosen(ledger / "none", only_new=True) == ([*ENDS, "new"], {})


def test_retry_takes_up_what_is_quarantined_or_failed(ledger: Path) -> None:
    assert chosen(ledger, retry_quarantined=True) == (["bad", "failed"], {"not quarantined": 4})
    with pytest.raises(ConfigError, match=r"--retry-quarantined: no ledger at .*none; no run has written there yet"):
        chosen(ledger / "none", retry_quarantined=True)


def test_another_video_under_an_old_name_is_new(ledger: Path) -> None:
    left, _ = Selection(only_new=True).choose([item("restored", Path("elsewhere"))], ledger, Files())
    assert len(left) == 1


def test_flags_that_leave_nothing_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be combined"):
        Selection(only_new=True, retry_quarantined=True)


@pytest.fixture
def sources(tmp_path: Path) -> list[Item]:
    """Items whose video, mask, frame or nothing was written just now; everything else a day ago."""
    names = ["video", "mask", "frame", "old"]
    now = time.time()
    items = [item(name, tmp_path) for name in names]
    for made in items:
        for path in (made.video, made.mask):
            assert isinstance(path, Path)
            path.write_bytes(b"x")
            os.utime(path, (now - 86400,) * 2)
    video, mask, frames = items[0].video, items[1].mask, items[2].video
    assert isinstance(video, Path)
    assert isinstance(mask, Path)
    assert isinstance(frames, Path)
    frames.unlink()
    frames.mkdir()
    (frames / "1.png").write_bytes(b"x")
    for path in (video, mask):
        os.utime(path)
    return [*items, item("missing", tmp_path)]


def test_since_takes_up_items_whose_video_or_mask_was_written_after_it(sources: list[Item], ledger: Path) -> None:
    left, left_out = Selection(since=time.time() - 3600).choose(sources, ledger, Files())
    assert [item.id for item in left] == ["video", "mask", "frame"]
    assert left_out == {"written before": 2}


def test_since_narrows_what_another_flag_takes_up(sources: list[Item], ledger: Path) -> None:
    row = ItemRow("video", str(sources[0].video), "m", "out/video.mp4", ItemState.RESTORED)
    take_over(ledger, {row.id: row}, "two", Files(), started_at=0.0)
    left, left_out = Selection(only_new=True, since=time.time() - 3600).choose(sources, ledger, Files())
    assert [item.id for item in left] == ["mask", "frame"]
    assert left_out == {"not new": 1, "written before": 2}


def test_since_asks_a_bucket_for_listings_not_for_each_object(bucket: str, ledger: Path) -> None:
    items = [item(f"{n:03}", RemotePath(bucket, "in")) for n in range(50)]
    for made in items[:30]:
        assert isinstance(made.video, RemotePath)
        boto3.client("s3").put_object(Bucket=bucket, Key=made.video.key, Body=b"x")
    files = Files()
    asked = []
    files._s3.client.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))
    left, _ = Selection(since=time.time() - 3600).choose(items, ledger, files)
    assert len(left) == 30
    assert set(asked) == {"ListObjectsV2"}
    assert len(asked) < 4


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [("90m", 5400), ("36h", 129600), ("7d", 604800), ("1.5w", 907200), ("2026-11-20T12:00:00+00:00", 86400)],
)
def test_moments_are_dates_or_ages(text: str, seconds_ago: int) -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+00:00").timestamp()
    assert read_since(text, now) == now - seconds_ago


def test_a_date_without_zone_is_this_machines() -> None:
    midnight = datetime(2026, 11, 20).timestamp()
    assert read_since("2026-11-20", midnight + 1) == midnight


@pytest.mark.parametrize(
    ("text", "line"),
    [("yesterday", "not a valid date or age"), ("7", "not a valid date"), ("2999-01-01", "is in the future")],
)
def test_what_is_no_moment_is_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigError, match=f"--since {text}: {line}"):
        read_since(text, time.time())
