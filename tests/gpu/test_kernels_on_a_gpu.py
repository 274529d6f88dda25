"""Single kernels of a GPU against a CPU's: matrix products, attention by each backend, deformable convolution, correlation."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.networks.correlation import CorrelationPyramid
from reelmend.core_model.networks.deform import _samples, deform_conv2d, torchvision_kernel
from tests.gpu.cuda import CUDA, needs_cuda

pytestmark = needs_cuda


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("dtype", "tf32", "relative"),
    [
        (torch.float32, False, 1e-5),
        (torch.float32, True, 2e-3),
        (torch.bfloat16, False, 2e-2),
        (torch.float16, False, 2e-3),
    ],
)
def test_a_matrix_product_is_as_exact_as_its_format(dtype: torch.dtype, tf32: bool, relative: float) -> None:
    a, b = drawn(256, 256), drawn(256, 256, seed=1)
    with Execution(tf32=tf32).reduced(CUDA):
        product = (a.to(CUDA, dtype) @ b.to(CUDA, dtype)).cpu().double()
    exact = a.double() @ b.double()
    assert (product - exact).norm() / exact.norm() <= relative


@pytest.mark.parametrize(
    "backend", [SDPBackend.MATH, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION]
)
@pytest.mark.parametrize(("keys", "dtype"), [(45, torch.bfloat16), (1000, torch.bfloat16), (1000, torch.float16)])
def test_attention_is_the_same_by_each_backend(backend: SDPBackend, keys: int, dtype: torch.dtype) -> None:
    """Windows of 45 tokens, 4 heads of 128 channels; bf16 has 8 bits of fraction."""
    query, key, value = (drawn(3, 4, n, 128, seed=n) for n in (45, keys, keys))
    expected = F.scaled_dot_product_attention(query, key, value)
    try:
        with sdpa_kernel(backend):
            query, key, value = (x.to(CUDA, dtype) for x in (query, key, value))
            found = F.scaled_dot_product_attention(query, key, value)
    except RuntimeError as exc:
        pytest.skip(f"{backend.name} takes no {dtype} of this shape here: {str(exc).splitlines()[0]}")
    assert torch.allclose(found.cpu().float(), expected, atol=0.05)


def deformed() -> list[torch.Tensor]:
    groups, taps = 16, 9
    x, offsets = drawn(2, 128, 12, 20), 2 * drawn(2, 2 * groups * taps, 12, 20, seed=1)
    return [x, offsets, drawn(2, groups * taps, 12, 20, seed=2).sigmoid(), drawn(128, 128, 3, 3, seed=3), drawn(128)]


def test_deformable_convolution_by_torchvision_is_our_own() -> None:
    if torchvision_kernel() is None:
        pytest.skip("torchvision is not installed, or not built for this torch")
    x, offsets, modulation, weight, bias = deformed()
    with Execution(tf32=False).exact(CUDA):
        found = deform_conv2d(*(values.to(CUDA) for values in (x, offsets, modulation, weight, bias)))
    assert torch.allclose(found.cpu(), deform_conv2d(x, offsets, modulation, weight, bias), atol=1e-2, rtol=1e-4)


def test_deformable_samples_of_our_own_are_a_cpus() -> None:
    x, offsets, modulation, _, _ = deformed()
    found = _samples(x.to(CUDA), offsets.to(CUDA), modulation.to(CUDA), 16, (3, 3))
    assert torch.allclose(found.cpu(), _samples(x, offsets, modulation, 16, (3, 3)), atol=1e-3)


def test_correlation_is_a_cpus() -> None:
    first, second, at = drawn(2, 256, 16, 20), drawn(2, 256, 16, 20, seed=1), 10 + 3 * drawn(4, 2, 16, 20, seed=2)
    expected = CorrelationPyramid.both_ways(first, second).look_up(at)
    with Execution(tf32=False).exact(CUDA):
        found = CorrelationPyramid.both_ways(first.to(CUDA), second.to(CUDA)).look_up(at.to(CUDA))
    assert torch.allclose(found.cpu(), expected, atol=1e-3)
