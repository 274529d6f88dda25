"""How are numbers computed, apart from what is computed?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Execution:
    precision: Precision = "fp32"

    @contextmanager
    def reduced(self, device: torch.device) -> Iterator[None]:
        dtype = _AUTOCAST.get(self.precision)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            yield
