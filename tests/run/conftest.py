"""Weights of ProPainter's networks: files of the released names and shapes, drawn from these names."""

import pytest
import torch

from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from tests.released import shared


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file for each network, by the name of its setting."""
    folder = tmp_path_factory.mktemp("propainter")
    networks = {"raft": Raft, "flow_completion": FlowCompletion, "generator": InpaintGenerator}
    for name, network in networks.items():
        torch.save(shared(network).state_dict(), folder / f"{name}.pth")
    return {name: str(folder / f"{name}.pth") for name in networks}
