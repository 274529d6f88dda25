"""A video or mask that is another one for a while: nothing is made from content that its key does not name.

Somebody saves a mask once, sees that it was the wrong one, and puts the old one back. Whatever was computed in between
must not be called by the old one's digest: it would be wrong, say "restored", and be found again by other runs.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.pipelines.config import JobConfig, S3Config, StoreConfig
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.stages import digests, flow, inpaint, probe, stitch
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.location import RemotePath, location_of
from tests.clips import moving_box, scene, write_clip, write_images, write_mask_video
from tests.jobs import finish, lossless_job

FRAMES = 8
MADE_BY = {
    "digest": (digests, "digest_source"),
    "probe": (probe, "inspect_video"),
    "flow": (flow, "_compute"),
    "inpaint": (inpaint, "_make_part"),
    "stitch": (stitch, "verify_output"),
}
"""What a stage does with its sources, by name: between its two looks at them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos and two masks of the same size and length, and what the first two become in peace."""
    folder = tmp_path_factory.mktemp("changing")
    (folder / "in").mkdir()
    for name, seed, boxes in (("right", 0, moving_box(FRAMES)), ("wrong", 1, moving_box(FRAMES)[:, ::-1, ::-1])):
        pictures = np.where(moving_box(FRAMES)[..., None], np.uint8(255), scene(FRAMES, seed=seed))
        write_clip(folder / f"{name}.mkv", codec="ffv1", pictures=pictures, audio=False)
        write_mask_video(folder / f"{name}_mask.mkv", boxes, codec="ffv1")
    put(folder, "right")
    finish(small_job(folder, "expected"))
    return folder


def put(folder: Path, name: str) -> None:
    shutil.copy2(folder / f"{name}.mkv", folder / "in/clip.mkv")
    shutil.copy2(folder / f"{name}_mask.mkv", folder / "in/clip_mask.mkv")


def small_job(folder: Path, out: str) -> JobConfig:
    return lossless_job(folder, out, block_length=4, overlap=1, chunk_length=4)


class Meddler:
    """Puts another content in a file's place before some work, and what was there after it, each time or once."""

    def __init__(self, place: Path, content: bytes, *, renames: bool = False, times: int = 1) -> None:
        self.place, self.content, self.renames, self.left = place, content, renames, times

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def meddled(*args: Any, **kwargs: Any) -> Any:
            if not self.left:
                return work(*args, **kwargs)
            self.left -= 1
            before, times = self.place.read_bytes(), self.place.stat()
            aside = self.place.with_name("aside")
            if self.renames:
                self.place.rename(aside)
            self.place.write_bytes(self.content)
            try:
                return work(*args, **kwargs)
            finally:
                if self.renames:
                    aside.replace(self.place)
                else:
                    self.place.write_bytes(before)
                    os.utime(self.place, ns=(times.st_atime_ns, times.st_mtime_ns))

        return meddled


@pytest.mark.parametrize(
    ("made_by", "victim", "renames"),
    [
        ("digest", "clip", False),
        ("probe", "clip_mask", False),
        ("flow", "clip", False),
        ("inpaint", "clip_mask", False),
        ("inpaint", "clip", True),
        ("stitch", "clip", False),
    ],
)
def test_what_was_made_while_a_source_was_another_one_is_thrown_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, made_by: str, victim: str, renames: bool
) -> None:
    put(folder, "right")
    wrong = {"clip": folder / "wrong.mkv", "clip_mask": folder / "wrong_mask.mkv"}[victim]
    meddler = Meddler(folder / f"in/{victim}.mkv", wrong.read_bytes(), renames=renames)
    module, work = MADE_BY[made_by]
    monkeypatch.setattr(module, work, meddler.around(getattr(module, work)))
    job = small_job(folder, f"{made_by}-{victim}-{renames}")
    summary, rows = finish(job)
    assert meddler.left == 0, "nobody meddled"
    assert (summary.states, rows["clip"].reason) == ({"restored": 1}, "")
    assert rows["clip"].attempts == 2
    assert (Path(job.out) / "clip.mkv").read_bytes() == (folder / "expected/clip.mkv").read_bytes()


def test_a_source_that_is_another_one_from_the_middle_on_fails_its_item_and_leaves_nothing_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "right")
    job = small_job(folder, "stays")

    class SavesMask(SilentDisplay):
        """After the first chunk somebody saves another mask."""

        def change(self, row: ItemRow, answer: Any) -> None:
            if row.chunks_computed == 1:
                shutil.copy(folder / "wrong_mask.mkv", folder / "in/clip_mask.mkv")

    summary = run_job(job, SavesMask())
    assert summary.exit_status == 3
    assert not (Path(job.out) / "clip.mkv").exists()
    put(folder, "right")
    summary, rows = finish(job)
    assert summary.states == {"restored": 1}
    assert rows["clip"].chunks_reused == 1, "what was made before is as good as ever"
    assert (Path(job.out) / "clip.mkv").read_bytes() == (folder / "expected/clip.mkv").read_bytes()


def test_a_file_that_is_only_touched_is_still_the_same(folder: Path) -> None:
    put(folder, "right")

    class Touches(SilentDisplay):
        def change(self, row: ItemRow, answer: Any) -> None:
            (folder / "in/clip_mask.mkv").touch()

    summary = run_job(small_job(folder, "touched"), Touches())
    assert summary.states == {"restored": 1}


def test_one_image_of_a_folder_counts_as_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.where(moving_box(FRAMES)[..., None], np.uint8(255), scene(FRAMES))
    write_images(tmp_path / "in/clip", pictures)
    write_images(tmp_path / "in/clip_mask", moving_box(FRAMES))
    finish(small_job(tmp_path, "expected"))
    other = write_images(tmp_path / "other", pictures[:1] // 2) / "00000.png"
    meddler = Meddler(tmp_path / "in/clip/00003.png", other.read_bytes())
    monkeypatch.setattr(inpaint, "_make_part", meddler.around(inpaint._make_part))
    _, rows = finish(small_job(tmp_path, "out"))
    assert rows["clip"].attempts == 2
    assert (tmp_path / "out/clip.mkv").read_bytes() == (tmp_path / "expected/clip.mkv").read_bytes()


def test_an_object_that_is_another_one_for_a_while_changes_nothing(folder: Path, bucket: str, tmp_path: Path) -> None:
    put(folder, "right")
    victim = "clip_mask.mkv"
    root, files = RemotePath(bucket, ""), Files(S3Config(attempts=2))
    for path in (folder / "in").iterdir():
        files.write(root / "in" / path.name, path.read_bytes())
    job: JobConfig = small_job(folder, "unused")
    job.input.videos, job.out = [f"s3://{bucket}/in/clip.mkv"], f"s3://{bucket}/out"
    job.input.masks = f"s3://{bucket}/in/clip_mask.mkv"
    job.store = StoreConfig(cache_dir=str(tmp_path / "cache"))
    right, wrong = (folder / f"{name}{victim[4:]}" for name in ("right", "wrong"))

    class Replaces(SilentDisplay):
        """While the second part is made the object is another one, and back again for the last."""

        def change(self, row: ItemRow, answer: Any) -> None:
            if row.chunks_computed in (1, 2) and row.frames_done:
                content = wrong if row.chunks_computed == 1 else right
                files.write(root / "in" / victim, content.read_bytes())

    run_job(job, Replaces())
    files.write(root / "in" / victim, right.read_bytes())
    summary = run_job(job, SilentDisplay())
    assert summary.states == {"restored": 1}
    assert files.read(location_of(f"{job.out}/clip.mkv")) == (folder / "expected/clip.mkv").read_bytes()
