"""Errors of CUDA by kind, recognised by their texts: most arrive as a plain RuntimeError.

Out of memory leaves the process usable. After the others the CUDA context is dead: every later call fails with the same
text, whatever it computes. Imports no torch, which a process without a network never needs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class CudaFault(StrEnum):
    OUT_OF_MEMORY = "out of memory"
    LIBRARY = "a library of CUDA failed"
    ILLEGAL_ACCESS = "illegal access"
    LOST_DEVICE = "the device is lost"

    @property
    def context_survives(self) -> bool:
        """Whether the process can go on computing on the device."""
        return self is CudaFault.OUT_OF_MEMORY


# The first that is found counts: an allocation that fails inside a library is out of memory, not the library's fault.
_TEXTS = (
    (CudaFault.OUT_OF_MEMORY, "CUBLAS_STATUS_ALLOC_FAILED"),  # cuBLAS' own workspace
    (CudaFault.OUT_OF_MEMORY, "CUDNN_STATUS_ALLOC_FAILED"),
    (CudaFault.OUT_OF_MEMORY, "CUDA error: out of memory"),  # the driver's, past torch's allocator
    (CudaFault.OUT_OF_MEMORY, "CUDA out of memory"),
    (CudaFault.ILLEGAL_ACCESS, "an illegal memory access was encountered"),
    (CudaFault.ILLEGAL_ACCESS, "misaligned address"),
    (CudaFault.ILLEGAL_ACCESS, "device-side assert triggered"),
    (CudaFault.ILLEGAL_ACCESS, "unspecified launch failure"),
    (CudaFault.LOST_DEVICE, "uncorrectable ECC error encountered"),
    (CudaFault.LOST_DEVICE, "busy or unavailable"),
    (CudaFault.LOST_DEVICE, "GPU is lost"),
    (CudaFault.LOST_DEVICE, "no CUDA-capable device is detected"),
    (CudaFault.LOST_DEVICE, "driver shutting down"),
    (CudaFault.LIBRARY, "CUBLAS_STATUS_"),
    (CudaFault.LIBRARY, "CUDNN_STATUS_"),
    (CudaFault.LIBRARY, "CUSOLVER_STATUS_"),
)


def cuda_fault(error: BaseException) -> CudaFault | None:
    """Return the kind of an error of CUDA; None for any other, which is the code's or the data's."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return CudaFault.OUT_OF_MEMORY
    if not isinstance(error, RuntimeError):
        return None
    said = str(error)
    return next((kind for kind, text in _TEXTS if text in said), None)


@contextmanager
def one_out_of_memory() -> Iterator[None]:
    """Raise torch.OutOfMemoryError for memory that ran out in CUDA's libraries or driver, too, so that one rung takes all."""
    try:
        yield
    except RuntimeError as exc:
        import torch

        if isinstance(exc, torch.OutOfMemoryError) or cuda_fault(exc) is not CudaFault.OUT_OF_MEMORY:
            raise
        raise torch.OutOfMemoryError(str(exc)) from exc


def ending_fault(error: BaseException) -> tuple[CudaFault, BaseException] | None:
    """Return the kind of an error after which the process cannot go on computing on its device, and the error itself.

    That may be the cause of `error`, or its cause. None where the process can go on, as far as the error says.
    """
    seen: BaseException | None = error
    while seen is not None:
        kind = cuda_fault(seen)
        if kind is not None and not kind.context_survives:
            return kind, seen
        seen = seen.__cause__
    return None


def context_fault() -> tuple[CudaFault, BaseException] | None:
    """Ask CUDA whether the context of this process is whole: return what is wrong, None where it is, or there is none.

    Kernels fail after the call that started them has returned, so an error of something else may come first.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    try:
        torch.cuda.synchronize()
    except RuntimeError as exc:
        return ending_fault(exc)
    return None
