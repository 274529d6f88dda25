"""Weights of ProPainter's networks: files of the released names and shapes, drawn from these names."""

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.pipelines.engines import flow_by_raft, propainter
from reelmend.pipelines.engines.weights import load_network
from tests.released import shared


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file for each network, by the name of its setting."""
    folder = tmp_path_factory.mktemp("propainter")
    networks = {"raft": Raft, "flow_completion": FlowCompletion, "generator": InpaintGenerator}
    for name, network in networks.items():
        torch.save(shared(network).state_dict(), folder / f"{name}.pth")
    return {name: str(folder / f"{name}.pth") for name in networks}


@pytest.fixture(scope="module")
def networks_read_once() -> Iterator[None]:
    """Let the runs of a module share the networks that they read: they leave them as they are."""
    read = cache(load_network)
    with pytest.MonkeyPatch.context() as patch:
        for engine in (propainter, flow_by_raft):
            patch.setattr(engine, "load_network", read)
        yield
