"""Operations of a row without computing them: products give zeros of their shapes, and all else is as it is.

What is computed depends on masks and shapes alone, so the count is that of the row itself, in a fraction of its time.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

_ATEN = torch.ops.aten
_PRODUCTS = {_ATEN.convolution, _ATEN.mm, _ATEN.addmm, _ATEN.bmm, _ATEN.baddbmm}


class _ZerosForProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func._overloadpacket not in _PRODUCTS:
            return func(*args, **(kwargs or {}))
        shape = func(*tree_map(_on_meta, args), **tree_map(_on_meta, dict(kwargs or {})))
        return torch.zeros(shape.shape, dtype=shape.dtype)


def _on_meta(value: Any) -> Any:
    return torch.empty_like(value, device="meta") if isinstance(value, torch.Tensor) else value


def count_gflop(restore: Callable[[], object]) -> float:
    """Return the operations of the networks that `restore` runs, a multiply-add as two."""
    with _ZerosForProducts(), FlopCounterMode(display=False) as counter:  # type: ignore[no-untyped-call]
        restore()
    return float(counter.get_total_flops() / 1e9)
