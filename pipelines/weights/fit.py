"""Do these tensors belong to that network?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def check_fit(state: "Mapping[str, Tensor]", network: str) -> None:
    """Raise ValueError that names the first keys that differ, unless `state` fits the network (raft, ...)."""
    from core_model.checkpoint import load_checkpoint

    load_checkpoint(_build(network), state)


def _build(network: str) -> "nn.Module":
    match network:
        case "raft":
            from core_model.networks.raft import Raft

            return Raft()
        case "flow_completion":
            from core_model.networks.flow_completion import FlowCompletion

            return FlowCompletion()
        case "generator":
            from core_model.networks.generator import InpaintGenerator

            return InpaintGenerator()
    raise ValueError(f"no network is called {network!r}")
