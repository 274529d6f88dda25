import logging
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend

from reelmend.core_model.device import attention_kernels
from reelmend.core_model.device import precision as execution
from reelmend.core_model.device.attention_kernels import Attention
from reelmend.core_model.device.precision import Execution, usable_precision

CPU = torch.device("cpu")


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(2, 4, 45, 128, generator=torch.Generator().manual_seed(0))


def test_attention_written_out_is_that_of_the_fused_kernels(tokens: torch.Tensor) -> None:
    with Execution(attention="auto").reduced(CPU):
        fused = F.scaled_dot_product_attention(tokens, tokens, tokens)
    with Execution(attention="math").reduced(CPU):
        assert not torch.backends.cuda.flash_sdp_enabled()  # type: ignore[no-untyped-call]
        plain = F.scaled_dot_product_attention(tokens, tokens, tokens)
    assert torch.backends.cuda.flash_sdp_enabled()  # type: ignore[no-untyped-call]
    assert torch.allclose(fused, plain, atol=1e-6)


def test_what_is_reduced_is_reduced_inside_only(tokens: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_cpu_has_bf16", lambda: True)
    how = Execution(precision="bf16")
    with how.reduced(CPU):
        assert (tokens @ tokens.mT).dtype == torch.bfloat16
        with how.exact(CPU):
            assert (tokens @ tokens.mT).dtype == torch.float32
    assert (tokens @ tokens.mT).dtype == torch.float32


def test_a_processor_without_bf16_computes_in_fp32_and_says_so_once(
    tokens: torch.Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    execution._say_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with Execution(precision="bf16").reduced(CPU):
                assert (tokens @ tokens.mT).dtype == torch.float32
    assert [record.message for record in caplog.records] == [f"precision {usable_precision('bf16', CPU)[1]}"]


def test_fp16_on_a_cpu_is_fp32_with_a_reason() -> None:
    precision, reason = usable_precision("fp16", CPU)
    assert precision == "fp32"
    assert "for GPUs only" in reason


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_as_asked_inside_and_put_back_even_after_an_error(allowed: bool) -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    seen = []

    def fail_inside() -> None:
        with execution._tf32(allowed):
            seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert seen == [(allowed, allowed)]
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


@pytest.mark.parametrize(
    ("unknown", "problem"),
    [
        ({"attention": "manual"}, r"attention to be one of .*'math'.*, got 'manual'"),
        ({"precision": "half"}, r"precision to be one of .*'bf16'.*, got 'half'"),
    ],
)
def test_an_unknown_switch_is_refused_by_name(unknown: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Execution(**unknown)


@pytest.mark.parametrize("kernel", ["flash", "efficient", "cudnn"])
def test_any_kernel_that_is_asked_for_gives_the_same_attention_and_one_that_is_not_there_is_named(
    kernel: Attention, tokens: torch.Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    """Of these a CPU has flash alone."""
    plain = F.scaled_dot_product_attention(tokens, tokens, tokens)
    attention_kernels._say_once.cache_clear()
    for _ in range(2):
        with Execution(attention=kernel).reduced(CPU):
            found = F.scaled_dot_product_attention(tokens, tokens, tokens)
    assert torch.allclose(found, plain, atol=1e-6)
    told = [record.message for record in caplog.records]
    assert len(told) == (0 if kernel == "flash" else 1)
    assert all(line.startswith(f"attention={kernel} cannot be used; torch chooses instead: No viable") for line in told)


def test_the_kernel_that_is_asked_for_is_the_first_choice_inside_and_no_longer_outside() -> None:
    before = torch._C._get_sdp_priority_order()
    with Execution(attention="flash").reduced(CPU):
        assert torch._C._get_sdp_priority_order()[0] == SDPBackend.FLASH_ATTENTION.value
    assert torch._C._get_sdp_priority_order() == before


def test_of_torchs_reasons_those_of_the_kernel_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU of 2018 says them, where only flash attention was asked for."""

    def refuse(*_: torch.Tensor) -> torch.Tensor:
        for reason in (
            "Memory efficient kernel not used because: (Triggered internally at sdp_utils.cpp:1.)",
            "Memory Efficient attention has been runtime disabled. (Triggered internally at sdp_utils.cpp:2.)",
            "Flash attention kernel not used because: (Triggered internally at sdp_utils.cpp:3.)",
            "Flash attention only supports gpu architectures in the range [sm80, sm121]. (Triggered internally at x:4.)",
        ):
            warnings.warn(reason, stacklevel=2)
        raise RuntimeError("No available kernel. Aborting execution.")

    monkeypatch.setattr(F, "scaled_dot_product_attention", refuse)
    attention_kernels.why_not.cache_clear()
    assert attention_kernels.why_not("flash", CPU, torch.bfloat16) == (
        "Flash attention kernel not used because: Flash attention only supports gpu architectures in the range "
        "[sm80, sm121]. (bfloat16 on cpu)"
    )
    attention_kernels.why_not.cache_clear()
