"""Tensors come out of a file; broken, foreign and hostile files are refused in one line, and nothing in them runs."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reelmend.pipelines.engines.weights import find, load_state
from reelmend.pipelines.engines.weights.fit import check_fit
from reelmend.pipelines.errors import SetupError


def load(path: Path) -> dict[str, torch.Tensor]:
    return load_state(find(str(path), "raft"))


class Hostile:
    """Unpickled, it would make a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_pytorch_file_and_a_safetensors_file_hold_the_same_tensors(
    raft_file: Path, raft_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    save_file(raft_state, tmp_path / "raft.safetensors")
    from_pytorch, from_safetensors = load(raft_file), load(tmp_path / "raft.safetensors")
    assert from_pytorch.keys() == from_safetensors.keys() == raft_state.keys()
    for name, values in raft_state.items():
        assert torch.equal(from_pytorch[name], values)
        assert torch.equal(from_safetensors[name], values)


def test_the_names_that_training_on_several_gpus_leaves_fit_the_network(raft_state: dict[str, torch.Tensor]) -> None:
    check_fit(raft_state, "raft")
    with pytest.raises(ValueError, match=r"not a checkpoint of FlowCompletion: 74 missing: .*, \.\.\."):
        check_fit(raft_state, "flow_completion")


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_file_does_not_run(save: Callable[[object, Path], object], tmp_path: Path) -> None:
    save({"weight": torch.zeros(1), "trap": Hostile(tmp_path / "trace")}, tmp_path / "hostile.pth")
    with pytest.raises(SetupError, match="contains code, which reelmend never runs") as error:
        load(tmp_path / "hostile.pth")
    assert "weights_only" not in str(error.value)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (torch.zeros(3), "contains a Tensor instead"),
        ([torch.zeros(3)], "contains a list instead"),
        ({}, "contains no tensors"),
        (
            {"state_dict": {"weight": torch.zeros(3)}, "epoch": 3},
            r"state_dict \(dict\), epoch \(int\); save only the state",
        ),
        ({1: torch.zeros(3)}, r"1 \(Tensor\)"),
        ({"weight": torch.zeros(3).to_sparse()}, r"weight \(Tensor\)"),
        ({"weight": torch.zeros(3, device="meta")}, r"weight \(Tensor\)"),
    ],
)
def test_what_is_not_tensors_by_name_is_said(content: object, what: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(SetupError, match=what):
        load(tmp_path / "other.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda b: b[:-1000], lambda b: b[: len(b) // 2], lambda _: b"<html>no"]
)
def test_a_broken_file_is_refused_in_one_line(
    damage: Callable[[bytes], bytes], suffix: str, raft_file: Path, raft_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    whole = tmp_path / f"whole{suffix}"
    torch.save(raft_state, whole) if suffix == ".pth" else save_file(raft_state, whole)
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(damage(whole.read_bytes()))
    with pytest.raises(SetupError) as error:
        load(broken)
    assert str(error.value).startswith(f"{broken}: not ")
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_another_on_the_workers_machine_is_refused(
    raft_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(raft_state, tmp_path / "raft.pth")
    file = find(str(tmp_path / "raft.pth"), "raft")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "raft.pth")
    with pytest.raises(SetupError, match=f"is not the file that the run started with: .* expected {file.sha256}"):
        load_state(file)
