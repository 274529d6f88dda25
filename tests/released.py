"""The released networks' parameters by name and shape, deterministic values for them, and golden files made with these.

No checkpoint is needed: each tensor is drawn from its own name. Golden files hold inputs and outputs of the published
networks under these weights.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from reelmend.core_model.bench.weights import drawn as tensor
from reelmend.core_model.bench.weights import with_drawn_weights as with_test_weights

__all__ = ["golden", "released_shapes", "shared", "tensor", "with_test_weights"]

DATA = Path(__file__).parent / "data"

Network = TypeVar("Network", bound=nn.Module)


@cache
def shared(network: type[Network]) -> Network:
    """Return the network with these weights, one for all tests of a process: they leave it as it is."""
    return with_test_weights(network())


def released_shapes(table: str) -> dict[str, list[int]]:
    """{name: shape} of `raft`, `recurrent_flow_completion` or `propainter`."""
    return json.loads(gzip.decompress((DATA / "released_shapes.json.gz").read_bytes()))[table]


def golden(name: str) -> dict[str, int | torch.Tensor]:
    """The arrays of a golden file as tensors with a batch axis in front; frames in [-1, 1], channels before rows."""
    arrays = dict(np.load(DATA / "golden" / f"{name}.npz"))
    numbers = {key: int(value) for key, value in arrays.items() if value.ndim == 0}
    tensors = {key: torch.from_numpy(value)[None] for key, value in arrays.items() if value.ndim > 0}
    if "frames" in tensors:
        tensors["frames"] = tensors["frames"].permute(0, 1, 4, 2, 3).float() / 255 * 2 - 1
    for key in ("masks", "updated_masks"):
        if key in tensors:
            tensors[key] = tensors[key][:, :, None].float()
    return tensors | numbers
