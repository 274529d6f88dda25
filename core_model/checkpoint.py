"""Loading of a checkpoint into a network, with every missing, unexpected or misshapen parameter named."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

_WRAPPED = "module."  # what training on several GPUs puts in front of every name
_NAMED = 3


def load_checkpoint(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a released state dict, with or without `module.` in front of its names, into `network`.

    Nothing is loaded unless everything fits. Raises ValueError that names the first parameters that are missing, not
    known, of another shape, or not finite. Whoever reads the file does so with `weights_only=True`.
    """
    if state and all(name.startswith(_WRAPPED) for name in state):
        state = {name.removeprefix(_WRAPPED): values for name, values in state.items()}
    own = network.state_dict()
    shapes = [
        f"{name} {[*state[name].shape]} instead of {[*own[name].shape]}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    broken = [name for name, values in state.items() if values.is_floating_point() and not torch.isfinite(values).all()]
    problems = {
        "missing": [name for name in own if name not in state],
        "unknown": [name for name in state if name not in own],
        "of another shape": shapes,
        "not finite": broken,
    }
    if any(problems.values()):
        found = "; ".join(f"{len(names)} {what}: {_first(names)}" for what, names in problems.items() if names)
        raise ValueError(f"not a checkpoint of {type(network).__name__}: {found}")
    network.load_state_dict(dict(state), strict=True)


def _first(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (", ..." if len(listed) > _NAMED else "")
