"""What torch raises when CUDA fails, by kind; texts as torch and CUDA's libraries write them."""

import pytest
import torch

from reelmend.core_model.device.cuda_errors import CudaFault, cuda_fault, one_out_of_memory
from reelmend.core_model.device.memory import full_device_named
from reelmend.core_model.engine import DeviceFull

OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"),
    RuntimeError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_memory_that_ran_out_inside_a_library_takes_the_same_steps_as_in_torchs_allocator(error: RuntimeError) -> None:
    assert cuda_fault(error) is CudaFault.OUT_OF_MEMORY
    with pytest.raises(DeviceFull, match="a block of 8 frames does not fit"), full_device_named("a block of 8 frames"):
        raise error
    with pytest.raises(torch.OutOfMemoryError), one_out_of_memory():
        raise error


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CUDA error: an illegal memory access was encountered\nFor debugging", CudaFault.ILLEGAL_ACCESS),
        ("CUDA error: device-side assert triggered", CudaFault.ILLEGAL_ACCESS),
        ("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(`", CudaFault.LIBRARY),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", CudaFault.LIBRARY),
        ("CUDA error: uncorrectable ECC error encountered", CudaFault.LOST_DEVICE),
        ("CUDA error: all CUDA-capable devices are busy or unavailable", CudaFault.LOST_DEVICE),
    ],
)
def test_an_error_that_ends_the_context_is_no_lack_of_memory(text: str, kind: CudaFault) -> None:
    error = RuntimeError(text)
    assert cuda_fault(error) is kind
    assert not kind.context_survives
    with pytest.raises(RuntimeError) as raised, full_device_named("a block"):
        raise error
    assert raised.value is error


def test_errors_of_the_code_are_none_of_cudas() -> None:
    assert cuda_fault(RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")) is None
    assert cuda_fault(ValueError("CUDA out of memory")) is None
