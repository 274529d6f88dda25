"""Check that tensors belong to a network."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from reelmend.pipelines.engines.weights.find import WeightFile
from reelmend.pipelines.engines.weights.sam2 import SAM2, build_sam2, check_parts
from reelmend.pipelines.engines.weights.state import load_state
from reelmend.pipelines.errors import SetupError

if TYPE_CHECKING:
    from torch import Tensor, nn

_NETWORKS = {
    "raft": ("raft", "Raft"),
    "flow_completion": ("flow_completion", "FlowCompletion"),
    "generator": ("generator", "InpaintGenerator"),
}
"""Module and class of each network that `conf/weights.yaml` has weights of; torch is imported when one is built."""


def load_network(file: WeightFile, network: str) -> "nn.Module":
    """Return the network (raft, flow_completion or generator) with the file's weights, on the CPU, for inference.

    Raises SetupError when the file is not the one that was found, is broken, or belongs to something else.
    """
    from reelmend.core_model.checkpoint import load_checkpoint

    built = _build(network)
    try:
        load_checkpoint(built, load_state(file))
    except ValueError as exc:
        raise SetupError(f"{file.path}: {exc}") from exc
    return built.eval().requires_grad_(False)


def check_fit(state: "Mapping[str, Tensor]", network: str) -> None:
    """Raise ValueError that names the first keys that differ, unless `state` fits the network (raft, ...)."""
    from reelmend.core_model.checkpoint import load_checkpoint

    if network == SAM2 and find_spec("transformers") is None:  # weights can be fetched before the package is there
        check_parts(state)
        return
    load_checkpoint(_build(network), state)


def _build(network: str) -> "nn.Module":
    if network == SAM2:
        sam: nn.Module = build_sam2()
        return sam
    if network not in _NETWORKS:
        raise ValueError(f"no network named {network!r}")
    module, name = _NETWORKS[network]
    built: nn.Module = getattr(import_module(f"reelmend.core_model.networks.{module}"), name)()
    return built
