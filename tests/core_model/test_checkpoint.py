import pytest
import torch

from reelmend.core_model.checkpoint import load_checkpoint
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from tests.released import released_shapes, tensor

NETWORKS = {"raft": Raft, "recurrent_flow_completion": FlowCompletion, "propainter": InpaintGenerator}


@pytest.mark.parametrize("table", NETWORKS)
def test_a_network_has_the_released_parameters_by_name_and_shape(table: str) -> None:
    own = {name: list(values.shape) for name, values in NETWORKS[table]().state_dict().items()}
    assert own == released_shapes(table)


@pytest.mark.parametrize(
    ("table", "parameters"), [("raft", 179), ("recurrent_flow_completion", 74), ("propainter", 216)]
)
def test_as_many_entries_are_loaded_as_were_released(table: str, parameters: int) -> None:
    assert len(released_shapes(table)) == parameters


def test_a_checkpoint_from_several_gpus_loads_without_its_prefix() -> None:
    network = FlowCompletion()
    state = {f"module.{name}": tensor(name, tuple(x.shape)) for name, x in network.state_dict().items()}
    load_checkpoint(network, state)
    assert torch.equal(network.state_dict()["downsample.0.bias"], state["module.downsample.0.bias"])


def test_of_the_norm_that_raft_holds_twice_the_copy_in_the_skip_counts() -> None:
    network = Raft()
    state = network.state_dict()
    changed = state | {
        "cnet.layer2.0.norm3.bias": torch.full((96,), 1.0),
        "cnet.layer2.0.downsample.1.bias": torch.full((96,), 2.0),
    }
    load_checkpoint(network, changed)
    assert network.get_parameter("cnet.layer2.0.downsample.1.bias").eq(2).all()


def test_another_networks_file_is_refused_with_the_names_that_differ() -> None:
    with pytest.raises(ValueError, match=r"FlowCompletion: 73 missing: .*; 1 unknown: fnet\.conv1\.weight"):
        load_checkpoint(FlowCompletion(), {"fnet.conv1.weight": torch.zeros(1), "downsample.0.bias": torch.zeros(32)})


def test_a_parameter_of_another_shape_is_named_with_both_shapes() -> None:
    state = FlowCompletion().state_dict() | {"fusion": torch.zeros(1)}
    state.pop("fusion")
    state["downsample.0.bias"] = torch.zeros(33)
    with pytest.raises(ValueError, match=r"downsample\.0\.bias \[33\] instead of \[32\]"):
        load_checkpoint(FlowCompletion(), state)


def test_weights_that_are_not_finite_are_refused_and_nothing_is_loaded() -> None:
    network = FlowCompletion()
    before = network.state_dict()["downsample.0.weight"].clone()
    state = {name: torch.ones_like(x) for name, x in network.state_dict().items()}
    state["upsample.0.bias"][3] = torch.nan
    with pytest.raises(ValueError, match=r"1 not finite: upsample\.0\.bias"):
        load_checkpoint(network, state)
    assert torch.equal(network.state_dict()["downsample.0.weight"], before)
