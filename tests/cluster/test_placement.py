"""Does a worker find the cores beside its GPU, and compute with the threads that it holds?"""

import os
from pathlib import Path

import cv2
import pytest
import torch

from reelmend.cluster.placement import cores_near, use_threads


def write_device(devices: Path, cores: str) -> str:
    (devices / "0000:07:00.0").mkdir(parents=True)
    (devices / "0000:07:00.0" / "local_cpulist").write_text(cores)
    return "0000:07:00.0"


@pytest.mark.parametrize(
    ("listed", "cores"),
    [("0-3,8-9\n", {0, 1, 2, 3, 8, 9}), ("5\n", {5}), ("\n", set()), ("what?\n", set())],
)
def test_the_cores_are_those_that_linux_lists(listed: str, cores: set[int], tmp_path: Path) -> None:
    assert cores_near(write_device(tmp_path, listed), tmp_path) == cores


def test_a_machine_that_does_not_say_restricts_nothing(tmp_path: Path) -> None:
    assert cores_near("0000:07:00.0", tmp_path) == set()


def test_opencv_and_torch_use_the_threads_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "9")
    try:
        use_threads(3)
        assert (torch.get_num_threads(), cv2.getNumThreads(), os.environ["OMP_NUM_THREADS"]) == (3, 3, "3")
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
