"""A weights folder of each test's own, and one file of RAFT's names and shapes for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from reelmend.core_model.networks.raft import Raft
from tests.engines.file_server import FileServer, serving
from tests.released import with_test_weights


@pytest.fixture(scope="session")
def raft_state() -> dict[str, torch.Tensor]:
    """Tensors of the released names, `module.` in front as in the released file."""
    return {f"module.{name}": values.clone() for name, values in with_test_weights(Raft()).state_dict().items()}


@pytest.fixture(scope="session")
def raft_file(tmp_path_factory: pytest.TempPathFactory, raft_state: dict[str, torch.Tensor]) -> Path:
    """A folder that is a mirror of raft-things; read only, by agreement."""
    path = tmp_path_factory.mktemp("mirror") / "raft-things.pth"
    torch.save(raft_state, path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder, which does not exist yet."""
    monkeypatch.setenv("REELMEND_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("REELMEND_WEIGHTS_MIRROR", raising=False)
    return tmp_path / "weights"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmend.pipelines.engines.weights.transfer.FIRST_WAIT_S", 0.001)
