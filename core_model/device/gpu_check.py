"""Checks of a device, part by part: what torch was built for, and operators held against the CPU's.

Each check is one line with a verdict, and a remedy where it failed. They run on any device that torch knows; on the CPU
they hold it against itself, with other number formats. `python -m reelmend.core_model.device.gpu_check` prints the lines of
`check_device` as JSON: a GPU that hangs or crashes its process does not take the caller with it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from reelmend.core_model.device.attention_kernels import KERNELS, Kernel, why_not
from reelmend.core_model.device.choice import NoDevice, choose_device
from reelmend.core_model.networks.correlation import CorrelationPyramid
from reelmend.core_model.networks.deform import GROUPS, TAPS, deform_conv2d, torchvision_kernel

_SIDE = 256
_LITTLE_BYTES = 6 * 2**30
"""Less free memory than this is little for networks at 640x360."""

# By number format, the largest error that a product of two 256x256 matrices may have, as a share of its largest value.
# A format with m bits of mantissa rounds each factor by 2^-(m+1): 23 (fp32), 10 (TF32, fp16), 7 (bf16).
_MATRIX_ERROR = {"fp32": 1e-5, "TF32": 2e-3, "fp16": 2e-3, "bf16": 1.6e-2}
_CLOSE = 1e-4
"""For operators that compute in fp32."""

_DRIVER = "update the NVIDIA driver, or install a torch built for an older CUDA"
_BUILD = "install a torch whose wheel is built for this GPU (https://pytorch.org/get-started/locally)"


@dataclass(frozen=True)
class Checked:
    """One line: a part, what was found, whether it can be used, and what to do about it."""

    part: str
    found: str
    good: bool = True
    needed: bool = True
    """Without it the networks cannot run as they should; otherwise something slower takes its place."""
    remedy: str = ""


def check_device(asked: str = "cuda") -> Iterator[Checked]:
    """Yield what was found, the parts that others depend on first; after a device that cannot be used, nothing more."""
    yield _built()
    try:
        device = choose_device(asked)
    except NoDevice as exc:
        remedy = _DRIVER if torch.version.cuda or torch.version.hip else _BUILD
        yield Checked("device", str(exc), good=False, remedy=remedy)
        return
    if device.type == "cuda":
        yield from _card(device)
    for name, operator in (*_products(), *_attention(), *_own_operators()):
        yield operator(name, device)


def _built() -> Checked:
    platform = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
    if not (torch.version.cuda or torch.version.hip):
        return Checked("torch", f"{torch.__version__}, built for no GPU", good=False, remedy=_BUILD)
    cudnn: Any = torch.backends.cudnn
    found = cudnn.version() if cudnn.is_available() else "not found"
    return Checked("torch", f"{torch.__version__}, built for {platform}; cuDNN {found}")


def _card(device: torch.device) -> Iterator[Checked]:
    card: Any = torch.cuda.get_device_properties(device)
    yield Checked("GPU", f"{card.name}, driver for CUDA {_driver()}")
    yield check_capability((card.major, card.minor), torch.cuda.get_arch_list())
    free, total = torch.cuda.mem_get_info(device)
    yield check_memory(free, total)


def _driver() -> str:
    """Return the newest CUDA that the driver can run, as major.minor."""
    of_cuda: Any = torch._C  # has the call in builds for CUDA only
    number = int(of_cuda._cuda_getDriverVersion()) if torch.version.cuda else 0
    return f"{number // 1000}.{number % 1000 // 10}" if number else "unknown"


def check_capability(capability: tuple[int, int], built_for: list[str]) -> Checked:
    """Whether a build has kernels for a GPU: `sm_MN` runs on capability M.N and up to M.9, `compute_MN` on all later.

    Builds for ROCm name their GPUs in another way (gfx90a), which is not judged.
    """
    said = f"capability {capability[0]}.{capability[1]}; this torch has kernels for {', '.join(built_for) or 'none'}"
    if any(name.startswith("gfx") for name in built_for):
        return Checked("capability", said)
    for name in built_for:
        kind, _, digits = name.partition("_")
        digits = digits.rstrip("af")  # sm_90a: with what only that GPU has
        own = int(digits[:-1]), int(digits[-1])
        if (kind == "sm" and own[0] == capability[0] and own[1] <= capability[1]) or (
            kind == "compute" and own <= capability
        ):
            return Checked("capability", said)
    return Checked("capability", said, good=False, remedy=_BUILD)


def check_memory(free: int, total: int) -> Checked:
    said = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    if free >= _LITTLE_BYTES:
        return Checked("memory", said)
    busy = total >= _LITTLE_BYTES
    remedy = "end other processes on this GPU (nvidia-smi lists them)" if busy else "--preset propainter_small_gpu"
    return Checked("memory", said, good=False, needed=False, remedy=remedy)


Check = Callable[[str, torch.device], Checked]


def _products() -> Iterator[tuple[str, Check]]:
    formats = {"fp32": torch.float32, "TF32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    remedies = {"bf16": "propainter.precision=fp16 or fp32", "fp16": "propainter.precision=bf16 or fp32"}
    for name, dtype in formats.items():

        def product(device: torch.device, dtype: torch.dtype = dtype, tf32: bool = name == "TF32") -> Tensor:
            before = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = tf32
            try:
                return _drawn(0).to(device, dtype) @ _drawn(1).to(device, dtype)
            finally:
                torch.backends.cuda.matmul.allow_tf32 = before

        remedy = remedies.get(name, "propainter.tf32=false" if name == "TF32" else "the GPU or its driver is at fault")
        yield (
            f"product in {name}",
            _against(
                lambda: _drawn(0).double() @ _drawn(1).double(), product, _MATRIX_ERROR[name], remedy, name == "fp32"
            ),
        )


def _attention() -> Iterator[tuple[str, Check]]:
    def attend(device: torch.device, dtype: torch.dtype) -> Tensor:
        q, k, v = (_drawn(seed).reshape(1, 4, 256, 64).to(device, dtype) for seed in (2, 3, 4))
        return F.scaled_dot_product_attention(q, k, v)

    for kernel, backend in KERNELS.items():

        def attended(device: torch.device, kernel: Kernel = kernel, backend: SDPBackend = backend) -> Tensor:
            with sdpa_kernel(backend):
                return attend(device, _dtype_of(kernel))

        share = _CLOSE if kernel == "math" else _MATRIX_ERROR["bf16"]
        needed = kernel == "math"
        remedy = "the GPU or its driver is at fault" if needed else "another kernel takes its place"
        against = _against(lambda: attend(torch.device("cpu"), torch.float64), attended, share, remedy, needed)

        def checked(name: str, device: torch.device, kernel: Kernel = kernel, against: Check = against) -> Checked:
            found = against(name, device)
            reason = "" if found.good else why_not(kernel, device, _dtype_of(kernel))
            return replace(found, found=reason) if reason else found

        yield f"attention by {kernel}", checked


def _dtype_of(kernel: Kernel) -> torch.dtype:
    """The fused kernels of a GPU take half precision only."""
    return torch.float32 if kernel == "math" else torch.bfloat16


def _own_operators() -> Iterator[tuple[str, Check]]:
    def deformed(device: torch.device) -> Tensor:
        drawn = torch.Generator().manual_seed(5)
        shapes = (1, 128, 16, 24), (1, 2 * GROUPS * TAPS, 16, 24), (1, GROUPS * TAPS, 16, 24), (8, 128, 3, 3), (8,)
        x, offsets, modulation, weight, bias = (torch.randn(shape, generator=drawn) for shape in shapes)
        parts = (part.to(device) for part in (x, 2 * offsets, modulation.sigmoid(), weight, bias))
        return deform_conv2d(*parts)

    def correlated(device: torch.device) -> Tensor:
        drawn = torch.Generator().manual_seed(6)
        first, second = (torch.randn((1, 32, 16, 24), generator=drawn).to(device) for _ in range(2))
        y, x = torch.meshgrid(torch.arange(16.0), torch.arange(24.0), indexing="ij")
        coords = (torch.stack((x, y))[None] + 0.3).repeat(2, 1, 1, 1).to(device)
        return CorrelationPyramid.both_ways(first, second).look_up(coords)

    def own_deformation(name: str, device: torch.device) -> Checked:
        by = "torchvision's kernel" if device.type == "cuda" and torchvision_kernel() else "PyTorch's own operators"
        checked = _against(lambda: deformed(torch.device("cpu")), deformed, _CLOSE, "pip install reelmend[gpu]")
        found = checked(name, device)
        slow = device.type == "cuda" and torchvision_kernel() is None
        remedy = found.remedy or ("pip install 'reelmend[gpu]': torchvision's kernel is faster" if slow else "")
        return Checked(name, f"by {by}: {found.found}", found.good, remedy=remedy)

    yield "deformable convolution", own_deformation
    correlation = _against(
        lambda: correlated(torch.device("cpu")), correlated, _CLOSE, "the GPU or its driver is at fault"
    )
    yield "RAFT's correlation", correlation


def _drawn(seed: int) -> Tensor:
    return torch.randn(_SIDE, _SIDE, generator=torch.Generator().manual_seed(seed))


def _against(
    expect: Callable[[], Tensor],
    compute: Callable[[torch.device], Tensor],
    share: float,
    remedy: str,
    needed: bool = True,
) -> Check:
    """Return a check that `compute` on a device equals `expect` within this share of the largest value."""

    def check(name: str, device: torch.device) -> Checked:
        expected = expect().double()
        try:
            with torch.inference_mode(), _exact_convolutions():
                error = float((compute(device).cpu().double() - expected).abs().max() / expected.abs().max())
        except (RuntimeError, NotImplementedError) as exc:
            said = str(exc).strip().splitlines()
            return Checked(name, said[0][:200] if said else type(exc).__name__, False, needed, remedy)
        found = f"differs from the CPU by {error:.1e} of the largest value (allowed: {share:.1e})"
        good = error <= share  # false for NaN, too
        return Checked(name, found, good, needed, "" if good else remedy)

    return check


def _exact_convolutions() -> Any:
    return torch.backends.cudnn.flags(allow_tf32=False)


if __name__ == "__main__":
    print(json.dumps([asdict(checked) for checked in check_device(*sys.argv[1:2])]))
