"""The released networks' parameters by name and shape, deterministic values for them, and golden files made with these.

No checkpoint is needed: each tensor is drawn from its own name. Golden files hold inputs and outputs of the published
networks under these weights.
"""

import gzip
import json
import zlib
from pathlib import Path

import numpy as np
import torch

DATA = Path(__file__).parent / "data"
# RAFT's random flows stay below a few pixels; deformable offsets and completed flows are large enough to show mistakes.
GAINS = {"flow_head.conv2": 0.02, "conv_offset.6": 4.0, "upsample.2.conv": 4.0}


def released_shapes(table):
    """{name: shape} of `raft`, `recurrent_flow_completion` or `propainter`."""
    return json.loads(gzip.decompress((DATA / "released_shapes.json.gz").read_bytes()))[table]


def tensor(name, shape):
    z = np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()), 0])).standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        z = 1 + 0.1 * np.abs(z)
    elif name.endswith("running_mean"):
        z = 0.1 * z
    elif len(shape) == 1:
        z = 1 + 0.1 * z if name.endswith("weight") else 0.02 * z
    else:
        z = z / np.sqrt(int(np.prod(shape[1:])))
    for part, gain in GAINS.items():
        if part in name:
            z = z * gain
    return torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32))


def with_test_weights(network):
    """The network in evaluation mode; integer buffers keep their values."""
    state = network.state_dict()
    drawn = {name: tensor(name, tuple(x.shape)) for name, x in state.items() if x.is_floating_point()}
    network.load_state_dict(state | drawn)
    return network.eval().requires_grad_(False)


def golden(name):
    """The arrays of a golden file as tensors with a batch axis in front; frames in [-1, 1], channels before rows."""
    arrays = dict(np.load(DATA / "golden" / f"{name}.npz"))
    numbers = {key: int(value) for key, value in arrays.items() if value.ndim == 0}
    tensors = {key: torch.from_numpy(value)[None] for key, value in arrays.items() if value.ndim > 0}
    if "frames" in tensors:
        tensors["frames"] = tensors["frames"].permute(0, 1, 4, 2, 3).float() / 255 * 2 - 1
    for key in ("masks", "updated_masks"):
        if key in tensors:
            tensors[key] = tensors[key][:, :, None].float()
    return tensors | numbers
