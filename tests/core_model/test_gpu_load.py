"""How busy a GPU is: asked of NVML through torch, and asked no more where nobody answers."""

import sys
from pathlib import Path

import pytest
import torch

from reelmend.core_model.device import gpu_load
from reelmend.core_model.device.gpu_load import GpuLoad, MeanLoad, reserved_bytes
from reelmend.core_model.device.peak_memory import peak_rss_mb, rss_mb
from tests.standin.fake_cuda import card


def test_the_load_is_a_share_and_its_mean_that_of_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter((80, 100, 0))
    monkeypatch.setattr(gpu_load, "GPU_LOAD", GpuLoad())
    monkeypatch.setattr(torch.cuda, "utilization", lambda: next(said))
    mean = MeanLoad()
    assert mean.value is None
    with card():
        for _ in range(3):
            mean.read()
    assert mean.value == pytest.approx(0.6)


def test_without_the_package_torchs_own_error_is_told_once_and_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    load = GpuLoad()
    with card(), caplog.at_level("INFO"):
        assert [load.read() for _ in range(3)] == [None] * 3
    assert caplog.text.count("the GPU's utilization is not known: ") == 1


def test_a_process_without_a_gpu_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def utilization() -> int:
        raise AssertionError("asked")

    monkeypatch.setattr(torch.cuda, "utilization", utilization)
    assert (GpuLoad().read(), reserved_bytes()) == (None, 0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux only")
def test_main_memory_grows_by_what_is_written_and_shrinks_below_its_peak_afterwards() -> None:
    before = rss_mb()
    held = bytearray(b"x") * (64 * 2**20)
    with_it = rss_mb()
    assert with_it - before > 60
    del held
    assert rss_mb() < with_it - 60
    assert peak_rss_mb() >= with_it - 1
