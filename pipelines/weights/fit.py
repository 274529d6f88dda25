"""Do these tensors belong to that network?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import SetupError

if TYPE_CHECKING:
    from torch import Tensor, nn


def check_fit(path: Path, state: "Mapping[str, Tensor]", network: str) -> None:
    """Raise SetupError that names the first keys that differ, unless `state` (read from `path`) fits the network."""
    from core_model.checkpoint import load_checkpoint

    try:
        load_checkpoint(_build(network), state)
    except ValueError as exc:
        raise SetupError(f"{path}: {exc}") from exc


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
