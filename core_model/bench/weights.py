"""Weights where no checkpoint is at hand: values drawn from the parameters' names.

They are the same on every machine, and of a size that keeps every layer at work: what is measured with them takes the
time that released weights take.
"""

import zlib
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from reelmend.core_model.engine import Float

# RAFT's random flows stay below a few pixels; deformable offsets and completed flows are large enough to show mistakes.
_GAINS = {"flow_head.conv2": 0.02, "conv_offset.6": 4.0, "upsample.2.conv": 4.0}

Network = TypeVar("Network", bound=nn.Module)


def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return fp32 values for the parameter of this name and shape."""
    draw = np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()), 0]))
    z: Float = draw.standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        z = 1 + 0.1 * np.abs(z)
    elif name.endswith("running_mean"):
        z = 0.1 * z
    elif len(shape) == 1:
        z = 1 + 0.1 * z if name.endswith("weight") else 0.02 * z
    else:
        z = z / np.sqrt(int(np.prod(shape[1:])))
    for part, gain in _GAINS.items():
        if part in name:
            z = z * gain
    return torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32))


def with_drawn_weights(network: Network) -> Network:
    """Return the network in evaluation mode; integer buffers keep their values."""
    state = network.state_dict()
    values = {name: drawn(name, tuple(x.shape)) for name, x in state.items() if x.is_floating_point()}
    network.load_state_dict(state | values)
    return network.eval().requires_grad_(False)
