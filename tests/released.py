"""The released networks' parameters by name and shape, deterministic values for them, and golden files made with these.

No checkpoint is needed: each tensor is drawn from its own name. Golden files hold inputs and outputs of the published
networks under these weights.
"""

import gzip
import json
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from reelmend.core_model.bench.weights import drawn as tensor
from reelmend.core_model.bench.weights import with_drawn_weights as with_test_weights
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft

__all__ = ["Networks", "golden", "released_shapes", "shared", "shared_networks", "tensor", "with_test_weights"]

DATA = Path(__file__).parent / "data"

Network = TypeVar("Network", bound=nn.Module)
_SHARED: dict[type[nn.Module], nn.Module] = {}


class Networks(NamedTuple):
    """Those of ProPainter, in the order in which it asks them."""

    raft: Raft
    completion: FlowCompletion
    generator: InpaintGenerator


def shared(network: type[Network]) -> Network:
    """Return the network with these weights, one for all tests of a process: they leave it as it is."""
    if network not in _SHARED:
        _SHARED[network] = with_test_weights(network())
    made = _SHARED[network]
    assert isinstance(made, network)
    return made


def shared_networks() -> Networks:
    return Networks(shared(Raft), shared(FlowCompletion), shared(InpaintGenerator))


def released_shapes(table: str) -> dict[str, list[int]]:
    """{name: shape} of `raft`, `recurrent_flow_completion` or `propainter`."""
    tables: dict[str, dict[str, list[int]]] = json.loads(
        gzip.decompress((DATA / "released_shapes.json.gz").read_bytes())
    )
    return tables[table]


def golden(name: str) -> dict[str, torch.Tensor]:
    """The arrays of a golden file as tensors with a batch axis in front; frames in [-1, 1], channels before rows.

    Single numbers have no axis.
    """
    arrays = dict(np.load(DATA / "golden" / f"{name}.npz"))
    tensors = {key: torch.from_numpy(value[None] if value.ndim else value) for key, value in arrays.items()}
    if "frames" in tensors:
        tensors["frames"] = tensors["frames"].permute(0, 1, 4, 2, 3).float() / 255 * 2 - 1
    for key in ("masks", "updated_masks"):
        if key in tensors:
            tensors[key] = tensors[key][:, :, None].float()
    return tensors
