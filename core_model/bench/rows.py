"""The switches that are compared, each added to those before it."""

from dataclasses import asdict, dataclass, replace

import torch

from reelmend.core_model.device.precision import Execution, usable_precision

NAIVE = "naive"
_SWITCHES = ("attention", "precision", "tf32", "compile", "cuda_graphs")


@dataclass(frozen=True)
class Row:
    """How a clip is restored in one process."""

    name: str
    attention: str = "math"
    precision: str = "fp32"
    tf32: bool = False
    compile: str = "off"
    window_batch: int = 1
    huge_pages: bool = False
    cuda_graphs: bool = False
    channels_last: bool = False
    """In memory, the channels of a pixel are beside each other, in the weights of convolutions and in their results: a
    form that cuDNN's kernels of half precision prefer. No setting of a run: whether it pays, only a GPU can show."""

    def execution(self) -> Execution:
        chosen = asdict(self)
        return Execution(**{name: chosen[name] for name in _SWITCHES})


def rows_for(device: torch.device) -> list[Row]:
    """Return the naive form and what each switch adds to it, for those that `device` has."""
    row = Row(NAIVE)
    rows = [row, replace(row, name="sdpa", attention="auto")]
    if device.type == "cuda":
        rows.append(replace(rows[-1], name="window_batch", window_batch=0))
        rows.append(replace(rows[-1], name="tf32", tf32=True))
    else:
        rows.append(replace(rows[-1], name="huge_pages", huge_pages=True))
    if not usable_precision("bf16", device)[1]:
        rows.append(replace(rows[-1], name="bf16", precision="bf16"))
    if device.type == "cuda":  # as `compile=auto` has it; on a CPU it takes minutes, and convolutions are the same
        rows.append(replace(rows[-1], name="compile", compile="on"))
    return rows
