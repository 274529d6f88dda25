"""Sources that cannot be read, of every kind, cost their items and nothing else; none is an internal error."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.ledger import ItemState, read_ledger
from reelmend.pipelines.storage.ledger.rows import ItemRow
from tests.clips import Bool, write_clip, write_mask_image
from tests.jobs import add_item

BAD = {
    "pipe": ("pipe.mp4", "quarantined"),
    "device": ("/dev/zero", "quarantined"),
    "failing_disk": ("/proc/self/mem", "failed"),  # the kernel answers a read of its first page with an I/O error
    "loop": ("loop.mp4", "quarantined"),
    "folder": ("folder.mp4", "quarantined"),
    "absent": ("absent.mp4", "quarantined"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_item(tmp_path, "good", frames=4, audio=False)
    os.mkfifo(tmp_path / "in/pipe.mp4")
    (tmp_path / "in/loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "in/folder.mp4").mkdir()
    return tmp_path


def restore(folder: Path, rows: list[str]) -> tuple[int, dict[str, ItemRow]]:
    (folder / "in/items.csv").write_text("video,mask,output,overrides\n" + "".join(f"{row}\n" for row in rows))
    words = ["run", "--manifest", folder / "in/items.csv", "--out", folder / "out", "run.executor=inline"]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert "internal error" not in done.stderr
    return done.exit_code, {row.id: row for row in read_ledger(folder / "out/_reelmend/ledger")}


def test_what_cannot_be_read_costs_its_own_item(folder: Path) -> None:
    """As a video, and as the mask of a good one."""
    videos = [f"{path},good_mask.mkv,v_{name}," for name, (path, _) in BAD.items()]
    masks = [f"good.mp4,{path},m_{name}," for name, (path, _) in BAD.items()]
    status, found = restore(folder, [*videos, *masks, "good.mp4,good_mask.mkv,good,"])
    assert status == 3
    assert found.pop("good").state is ItemState.RESTORED
    assert {name: str(row.state) for name, row in found.items()} == {
        f"{kind}_{name}": state for kind in "vm" for name, (_, state) in BAD.items()
    }
    assert all(row.reason for row in found.values())


def test_more_odd_files_in_a_row_than_the_breaker_allows_do_not_stop_the_run(folder: Path) -> None:
    """A matrix of colours that swscale does not convert: what FFmpeg says of it is not the disk's word."""
    names = [f"odd{number}" for number in range(11)]
    for number, name in enumerate(names):
        params = {"x264-params": f"colormatrix=YCgCo:keyint={number + 2}"}  # so that no two are the same file
        write_clip(folder / f"in/{name}.mp4", frames=3, size=(64, 48), audio=False, options=params)
    write_mask_image(folder / "in/m.png", _box())
    status, found = restore(folder, [f"{name}.mp4,m.png,{name}," for name in names] + ["good.mp4,good_mask.mkv,good,"])
    assert status == 3
    assert found.pop("good").state is ItemState.RESTORED
    assert {(row.state, row.kind) for row in found.values()} == {(ItemState.QUARANTINED, "MediaError")}


def _box() -> Bool:
    mask = np.zeros((48, 64), np.bool_)
    mask[10:20, 10:20] = True
    return mask
