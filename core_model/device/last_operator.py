"""The operator that torch was at when something failed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LastOperator(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its base
    """Inside, remembers the operator that was called last, with the shapes of its tensors.

    On CUDA that is the one at fault only where the host waits for each kernel (CUDA_LAUNCH_BLOCKING=1). Compiled parts
    are not seen. It costs some microseconds per operator.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.words = ""
        """`aten.mm.default of float32[2, 3] cuda:0, float32[3, 4] cuda:0`; "" before the first."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, dict(given))) if isinstance(leaf, torch.Tensor)]
        self.words = f"{func} of {', '.join(_words(tensor) for tensor in tensors)}" if tensors else str(func)
        return func(*args, **given)


def _words(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)} {tensor.device}"
