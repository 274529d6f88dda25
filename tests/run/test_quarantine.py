"""One bad item is quarantined with its reason; the others finish, and no source is passed off as an output."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig, StoreConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger.rows import ItemRow
from tests.clips import moving_box, write_clip, write_mask_image
from tests.jobs import add_item, finish, lossless_job, planes


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)


def sound_only(path: Path) -> None:
    write_clip(path.with_suffix(".tmp.mp4"), frames=10)
    with av.open(str(path.with_suffix(".tmp.mp4"))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.with_suffix(".tmp.mp4").unlink()


def mask_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_mask.mkv")


def other_length(path: Path) -> None:
    write_clip(mask_of(path), frames=11, codec="ffv1", audio=False)


def other_shape(path: Path) -> None:
    mask_of(path).unlink()
    write_mask_image(mask_of(path).with_suffix(".png"), np.ones((64, 64), np.bool_))


def unreadable_mask(path: Path) -> None:
    mask_of(path).unlink()
    mask_of(path).with_suffix(".png").write_bytes(b"not a picture")


DAMAGE = {
    "truncated": (truncate, "MediaError"),
    "scrambled": (scramble, "MediaError"),
    "empty": (lambda path: path.write_bytes(b""), "MediaError"),
    "text": (lambda path: path.write_text("not a video " * 100), "MediaError"),
    "sound": (sound_only, "MediaError"),
    "maskless": (lambda path: mask_of(path).unlink(), "MaskError"),
    "longer_mask": (other_length, "MaskError"),
    "square_mask": (other_shape, "MaskError"),
    "broken_mask": (unreadable_mask, "MaskError"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary, dict[str, ItemRow]]:
    """A job with a good item and one of each kind of damage, run to its end."""
    folder = tmp_path_factory.mktemp("damaged")
    add_item(folder, "good", frames=12)
    for name, (damage, _) in DAMAGE.items():
        damage(add_item(folder, name, frames=12))
    return folder, *finish(lossless_job(folder))


def test_the_good_item_is_restored_and_the_status_says_that_others_are_not(
    ended: tuple[Path, RunSummary, dict[str, ItemRow]],
) -> None:
    folder, summary, rows = ended
    assert rows["good"].state == "restored"
    assert len(planes(folder / "out/good.mkv")) == 12
    assert summary.exit_status == 3
    assert summary.states == {"restored": 1, "quarantined": len(DAMAGE)}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_quarantined_with_a_reason_that_names_the_file(
    ended: tuple[Path, RunSummary, dict[str, ItemRow]], name: str
) -> None:
    _, _, rows = ended
    row = rows[name]
    assert (row.state, row.kind, row.stage) == ("quarantined", DAMAGE[name][1], "probe")
    assert f"{name}" in row.reason
    assert "\n" not in row.reason
    assert "Traceback" not in row.reason


def test_no_two_kinds_of_damage_have_the_same_reason(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    folder, _, rows = ended
    reasons = [row.reason.replace(name, "").replace(str(folder), "") for name, row in rows.items() if row.state.bad]
    assert len(set(reasons)) == len(reasons)


def test_nothing_is_written_for_a_bad_item(ended: tuple[Path, RunSummary, dict[str, ItemRow]]) -> None:
    folder, _, _ = ended
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["_reelmend", "good.mkv"]


def test_an_empty_mask_copies_the_source_and_says_so(tmp_path: Path) -> None:
    source = add_item(tmp_path, frames=4)
    mask_of(source).unlink()
    write_mask_image(mask_of(source).with_suffix(".png"), np.zeros((64, 96), np.bool_))
    summary, rows = finish(lossless_job(tmp_path))
    assert (rows["clip"].state, summary.exit_status) == ("untouched", 0)
    assert "the mask is empty: the source was copied unchanged" in rows["clip"].reason
    assert (tmp_path / "out/clip.mp4").read_bytes() == source.read_bytes()


def test_a_mended_source_is_restored_by_the_same_command(tmp_path: Path) -> None:
    source = add_item(tmp_path, frames=4)
    good = source.read_bytes()
    truncate(source)
    assert finish(lossless_job(tmp_path))[0].exit_status == 3
    source.write_bytes(good)
    assert finish(lossless_job(tmp_path))[0].exit_status == 0


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, mounted where one item's output goes."""
    place = tmp_path / "out" / "small"
    place.mkdir(parents=True)
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    yield tmp_path
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_fails_its_item_with_that_reason_and_the_others_finish(tiny_disk: Path) -> None:
    add_item(tiny_disk, "other", frames=4)
    (tiny_disk / "in" / "small").mkdir()
    add_item(tiny_disk, "big", frames=20).rename(tiny_disk / "in/small/big.mp4")
    (tiny_disk / "in/big_mask.mkv").rename(tiny_disk / "in/small/big_mask.mkv")
    job = lossless_job(tiny_disk)
    job.input.videos = [str(tiny_disk / "in" / "**" / "*.mp4")]
    summary, rows = finish(job)
    assert rows["other"].state == "restored"
    row = rows["small/big"]
    assert (row.state, row.kind, row.attempts) == ("failed", "StoreError", 2)
    assert "No space left on device" in row.reason
    assert summary.exit_status == 3
    assert list((tiny_disk / "out/small").iterdir()) == [], "no partial output is left behind"


@pytest.mark.parametrize("key", ["out", "store.root", "store.flow"])
def test_a_folder_of_the_run_that_takes_no_files_is_refused_before_any_work(tmp_path: Path, key: str) -> None:
    add_item(tmp_path, frames=4)
    (tmp_path / "file").write_text("a file where the folder should be")
    job, place = lossless_job(tmp_path), str(tmp_path / "file")
    store: dict[str, Any] = {key.partition(".")[2]: place}
    job = replace(job, out=place) if key == "out" else replace(job, store=StoreConfig(**store))
    with pytest.raises(SetupError, match=rf"cannot write to .*{'folder' if key == 'out' else key}.*/file"):
        finish(job)
    assert not (tmp_path / "out/_reelmend/ledger").exists()


def test_masks_of_every_frame_being_full_still_give_a_result(tmp_path: Path) -> None:
    source = add_item(tmp_path, frames=3)
    mask_of(source).unlink()
    write_mask_image(mask_of(source).with_suffix(".png"), np.ones_like(moving_box(1)[0]))
    assert finish(lossless_job(tmp_path))[0].exit_status == 0


def test_copies_of_sources_with_dots_in_their_names_stay_apart_and_the_report_finds_them(tmp_path: Path) -> None:
    """A folder of images has no suffix, and what looks like one in an item's name is none."""
    sources = [add_item(tmp_path, f"reel.v{frames}", frames=frames) for frames in (4, 5)]
    for source in sources:
        mask_of(source).unlink()
        write_mask_image(mask_of(source).with_suffix(".png"), np.zeros((64, 96), np.bool_))
    _, rows = finish(replace(lossless_job(tmp_path), stitch=StitchConfig(codec=Codec.png)))
    assert [str(row.state) for row in rows.values()] == ["untouched"] * 2
    page = (tmp_path / "out/_reelmend/report.html").read_text()
    for source in sources:
        assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()
        assert f'"../{source.name}"' in page


def test_sound_that_the_output_refuses_is_found_before_the_work(tmp_path: Path) -> None:
    """PCM of nine channels is sound that MP4 takes by name and then refuses."""
    clip = add_item(tmp_path, frames=8, audio=False)
    nine_channels(clip, clip.with_suffix(".mov"))
    _, rows = finish(replace(lossless_job(tmp_path), stitch=StitchConfig(codec=Codec.h264)))
    row = rows["clip"]
    assert (row.kind, row.stage, row.tasks_computed) == ("MediaError", "probe", 0)
    assert "set stitch.sound=convert, or remove that stream" in row.reason


def nine_channels(silent: Path, path: Path) -> None:
    with av.open(str(silent)) as source, av.open(str(path), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream("pcm_s16le", rate=48000, layout="9C")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                target.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9 * 4800), np.int16), "s16", "9C")
        frame.rate = 48000
        target.mux([*sound.encode(frame), *sound.encode(None)])
    silent.unlink()
