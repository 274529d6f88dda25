"""A device that was asked for by name is that device or an error with torch's own words."""

import pytest
import torch

from reelmend.core_model.device.choice import NoDevice, choose_device, why_not


@pytest.fixture(autouse=True)
def _asked_again() -> None:
    why_not.cache_clear()


def test_auto_is_the_cpu_where_torch_can_use_no_gpu_and_cpu_is_it_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch is built for CUDA")
@pytest.mark.parametrize("asked", ["cuda", "cuda:1"])
def test_cuda_is_refused_by_a_torch_that_is_built_without_it(asked: str) -> None:
    with pytest.raises(NoDevice) as caught:
        choose_device(asked)
    assert str(caught.value) == (
        f"device={asked} cannot be used: Torch not compiled with CUDA enabled "
        f"(torch {torch.__version__}, built for no CUDA)"
    )


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has MPS")
def test_a_reason_that_lists_all_backends_is_cut_to_its_first_sentence() -> None:
    with pytest.raises(NoDevice, match=r"device=mps cannot be used: .*MPS.*") as caught:
        choose_device("mps")
    assert len(str(caught.value)) < 300


def test_a_gpu_that_gives_memory_and_cannot_compute_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that lacks the GPU's capability allocates; the first kernel fails."""
    reason = "CUDA error: no kernel image is available for execution on the device"

    class Memory:
        def sum(self) -> torch.Tensor:
            raise RuntimeError(f"{reason}\nCUDA kernel errors might be asynchronously reported")

    monkeypatch.setattr(torch, "ones", lambda *_, **__: Memory())
    with pytest.raises(NoDevice, match=reason):
        choose_device("cuda")


@pytest.mark.parametrize("asked", ["gpu", "cuda:", "cuda:-1", "cpu:0", ""])
def test_a_name_that_is_no_device_is_a_mistake_of_the_caller(asked: str) -> None:
    with pytest.raises(ValueError, match="expected a device auto, cpu, cuda, cuda:N or mps"):
        choose_device(asked)
