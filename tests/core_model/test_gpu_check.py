"""Each part of a device is checked by itself, against the CPU, and says what to do."""

import pytest
import torch
import torch.nn.functional as F

from reelmend.core_model.device.choice import why_not
from reelmend.core_model.device.gpu_check import check_capability, check_device, check_memory

GIB = 2**30


def test_on_the_cpu_every_operator_equals_the_cpus() -> None:
    """What it has no kernel for (two attentions of GPUs) is not needed, and says so."""
    found = {checked.part: checked for checked in check_device("cpu")}
    products = [f"product in {name}" for name in ("fp32", "TF32", "bf16", "fp16")]
    operators = [*products, "attention by math", "deformable convolution", "RAFT's correlation"]
    assert all(found[name].good for name in operators)
    assert {"attention by efficient", "attention by flash", "attention by cudnn"} <= set(found)
    assert [name for name in found if found[name].needed and not found[name].good and name != "torch"] == []


@pytest.mark.parametrize(
    ("module", "operator", "part"),
    [
        (torch.Tensor, "__matmul__", "product in fp32"),
        (F, "scaled_dot_product_attention", "attention by math"),
        (F, "avg_pool2d", "RAFT's correlation"),
        (F, "grid_sample", "deformable convolution"),
    ],
)
def test_an_operator_that_computes_something_else_is_found(
    module: object, operator: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundredth too large, each second time: what is expected comes first."""
    right, calls = getattr(module, operator), []

    def wrong(*args: object, **kwargs: object) -> torch.Tensor:
        calls.append(args)
        computed: torch.Tensor = right(*args, **kwargs)
        return computed * (1 + 0.01 * (len(calls) % 2 == 0))

    monkeypatch.setattr(module, operator, wrong)
    found = {checked.part: checked for checked in check_device("cpu")}[part]
    assert not found.good
    assert "differs from the CPU by" in found.found
    assert found.remedy


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use a GPU here")
def test_without_a_gpu_it_says_what_is_missing_and_tries_no_operator() -> None:
    why_not.cache_clear()
    built, device = check_device("cuda")
    assert not device.good
    assert "device=cuda cannot be used: " in device.found
    assert device.remedy
    assert (built.part, device.part) == ("torch", "device")


@pytest.mark.parametrize(
    ("capability", "built_for", "good"),
    [
        ((9, 0), ["sm_80", "sm_90"], True),
        ((8, 6), ["sm_80", "sm_90"], True),  # kernels of 8.0 run on 8.6
        ((8, 0), ["sm_86"], False),  # but not the other way round
        ((12, 0), ["sm_80", "sm_90"], False),  # a GPU newer than the build
        ((12, 0), ["sm_90", "compute_90"], True),  # compiled by the driver
        ((10, 0), ["sm_100a", "sm_120"], True),
        ((6, 1), ["sm_75", "sm_80"], False),
        ((9, 4), ["gfx90a", "gfx942"], True),  # ROCm
        ((9, 0), [], False),
    ],
)
def test_a_build_has_kernels_for_a_capability(capability: tuple[int, int], built_for: list[str], good: bool) -> None:
    checked = check_capability(capability, built_for)
    assert checked.good is good
    assert bool(checked.remedy) is not good


def test_little_memory_is_noted_with_what_frees_it_or_needs_less() -> None:
    assert check_memory(20 * GIB, 24 * GIB).good
    assert "nvidia-smi" in check_memory(2 * GIB, 24 * GIB).remedy
    small = check_memory(3 * GIB, 4 * GIB)
    assert (small.good, small.needed, small.remedy) == (False, False, "--preset propainter_small_gpu")
