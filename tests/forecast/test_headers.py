"""What the driver looks at is bounded in time and memory, and never more than its item's error."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import JobConfig, LimitsConfig, MaskConfig
from reelmend.pipelines.errors import MaskError, MediaError, OverLimit
from reelmend.pipelines.forecast import headers as looks_module
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.header_process import HeaderProcess
from reelmend.pipelines.forecast.header_reader import HeaderReaderConfig
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.tasks import Item
from tests.clips import write_clip, write_mask_image

NOTHING = MaskConfig(dilation=0)


@pytest.fixture
def job(tmp_path: Path) -> JobConfig:
    return JobConfig(out=str(tmp_path / "out"), limits=LimitsConfig(look_s=1.0))


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[HeaderProcess]]:
    """Every look from now on is at a file whose disk does not answer: its process is stopped, as one in such a read."""
    started: list[HeaderProcess] = []

    class Stopped(HeaderProcess):
        def ask(self, config: HeaderReaderConfig, what: str, arguments: tuple[Path], timeout_s: float) -> None:
            self._asked_before = True
            started.append(self)
            os.kill(self.pid, signal.SIGSTOP)
            super().ask(config, what, arguments, timeout_s)

    monkeypatch.setattr(looks_module, "HeaderProcess", Stopped)
    monkeypatch.setattr(looks_module, "_idle", [])
    yield started
    for process in started:
        process.end()


def test_a_header_comes_back_as_it_is(tmp_path: Path, job: JobConfig) -> None:
    write_clip(tmp_path / "a.mkv", frames=3, size=(64, 48))
    header = Headers(job).video(tmp_path / "a.mkv")
    assert (header.width, header.height) == (64, 48)


def test_an_error_of_a_look_is_that_of_its_item(tmp_path: Path, job: JobConfig) -> None:
    looks = Headers(job)
    with pytest.raises(MediaError, match="no such file"):
        looks.video(tmp_path / "none.mkv")
    os.mkfifo(tmp_path / "pipe.mkv")
    with pytest.raises(MediaError, match=r"not a regular file .named pipe."):
        looks.video(tmp_path / "pipe.mkv")


def test_the_area_of_a_mask_is_counted_on_the_picture_it_belongs_to(tmp_path: Path, job: JobConfig) -> None:
    """8 x 4 of 64 x 32 pixels; with one step of dilation 8*4 + 2*8 + 2*4 = 56."""
    write_mask_image(tmp_path / "m.png", _box((32, 64), 10, 20, 4, 8))
    found = Headers(job).mask_image(tmp_path / "m.png", (64, 32), NOTHING, None)
    assert found.missing == 32 / 2048
    assert Headers(job).mask_image(tmp_path / "m.png", (64, 32), MaskConfig(dilation=1), None).missing == 56 / 2048


def test_a_mask_of_another_shape_is_refused_by_its_header_alone(tmp_path: Path, job: JobConfig) -> None:
    write_clip(tmp_path / "a.mkv", frames=2, size=(64, 32))
    looks = Headers(job)
    header = looks.video(tmp_path / "a.mkv")
    write_mask_image(tmp_path / "m.png", _box((64, 64), 10, 20, 4, 8))
    content = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(content[:60])  # the header, and nothing that could be decoded
    with pytest.raises(MaskError, match=r"64x64 pixels, its video a.mkv 64x32: not the same aspect ratio"):
        looks.mask_image(tmp_path / "m.png", (64, 32), NOTHING, header)


def test_a_look_that_takes_more_memory_than_it_may_fails_alone(tmp_path: Path, job: JobConfig) -> None:
    """16 000 x 16 000 pixels, which FFmpeg still decodes, in a file of some hundred kilobytes."""
    cv2.imwrite(str(tmp_path / "m.png"), np.zeros((16_000, 16_000), np.uint8))
    looks = Headers(replace(job, limits=LimitsConfig(look_s=60.0, pixels=400_000_000)))
    with pytest.raises(OverLimit, match="takes more memory than allowed"):
        looks.mask_image(tmp_path / "m.png", (64, 64), NOTHING, None)
    assert not looks.exists(tmp_path / "other.png")


def test_a_look_at_a_disk_that_hangs_is_given_up(tmp_path: Path, job: JobConfig, stalled: list[HeaderProcess]) -> None:
    began = time.monotonic()
    with pytest.raises(OverLimit, match=r"did not answer in limits.look_s=1 s; does its disk or mount hang"):
        Headers(job).video(tmp_path / "a.mkv")
    assert time.monotonic() - began < 10


def test_after_some_that_hang_no_more_files_are_opened(
    tmp_path: Path, job: JobConfig, stalled: list[HeaderProcess]
) -> None:
    items = [Item(str(i), tmp_path / f"{i}.mkv", None, tmp_path / f"out/{i}.mkv") for i in range(20)]
    began = time.monotonic()
    _, looked = forecast(items, replace(job, limits=LimitsConfig(look_s=0.3)), None, looks=64)
    assert time.monotonic() - began < 10
    assert all(one.problem for one in looked)
    assert len(stalled) <= 4  # two overdue, and one more in each other thread


def test_an_interrupt_does_not_wait_for_a_look_that_hangs(
    tmp_path: Path, job: JobConfig, stalled: list[HeaderProcess]
) -> None:
    job.limits.look_s = 60.0
    items = [Item("a", tmp_path / "a.mkv", None, tmp_path / "out/a.mkv")]
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        forecast(items, job, None, looks=1)
    assert time.monotonic() - began < 10


def _box(shape: tuple[int, int], top: int, left: int, height: int, width: int) -> NDArray[Any]:
    mask = np.zeros(shape, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask
