"""The parts of the networks that CUDA graphs are recorded of: those whose shapes stay the same and that never wait.

RAFT's iterations for a group of pairs, all in one graph; the encoder of a frame; the propagation of features through a
window. Attention is not among them: how many windows of tokens it sees depends on the masks, and the host has to know.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from reelmend.core_model.device.cuda_graphs import GraphedFunction
from reelmend.core_model.networks.feature_propagation import FeaturePropagation
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import FrameFeatures, Raft
from reelmend.core_model.networks.raft_update import GateWeights


def graph_hot_parts(networks: Iterable[nn.Module]) -> list[GraphedFunction]:
    """Let these parts of the networks be recorded, in place, and return them; on another device they run as they are."""
    made: list[GraphedFunction] = []
    for network in networks:
        match network:
            case Raft():
                made.append(_graph_iterations(network))
            case InpaintGenerator():
                made += [_graph_encoder(network), _graph_propagation(network.feat_prop_module)]
            case _:
                pass  # flow completion goes through a clip a few frames at a time, some of them in host memory
    return made


def _graph_iterations(raft: Raft) -> GraphedFunction:
    def compute(seen: Tensor, state: Tensor, rows: Tensor, columns: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
        features = FrameFeatures(seen, state, (rows, columns))
        return Raft._flow(raft, features, raft.update_block.gru.passes(), iterations)

    graphed = GraphedFunction("RAFT's iterations", compute)

    def flow(features: FrameFeatures, passes: tuple[GateWeights, GateWeights], iterations: int) -> tuple[Tensor, ...]:
        return graphed(features.seen, features.state, *features.shares, fixed=(iterations,))

    raft._flow = flow  # type: ignore[method-assign, assignment]
    return graphed


def _graph_encoder(generator: InpaintGenerator) -> GraphedFunction:
    graphed = GraphedFunction("the generator's encoder", lambda *given: (InpaintGenerator.encode(generator, *given),))

    def encode(frames_BT3HW: Tensor, masks_BT1HW: Tensor, updated_masks_BT1HW: Tensor) -> Tensor:
        return graphed(frames_BT3HW, masks_BT1HW, updated_masks_BT1HW)[0]

    generator.encode = encode  # type: ignore[method-assign]
    return graphed


def _graph_propagation(propagation: FeaturePropagation) -> GraphedFunction:
    graphed = GraphedFunction("feature propagation", lambda *given: (FeaturePropagation.forward(propagation, *given),))

    def forward(x_BLChw: Tensor, holes_BL2hw: Tensor, flow_fwd_BS2hw: Tensor, flow_bwd_BS2hw: Tensor) -> Tensor:
        return graphed(x_BLChw, holes_BL2hw, flow_fwd_BS2hw, flow_bwd_BS2hw)[0]

    propagation.forward = forward  # type: ignore[method-assign]
    return graphed
