"""Cached flow in bytes.

Values are rounded to 64ths of a pixel *before* anything uses them: a run that computed its flow and one that found it in
the cache restore the same picture. `keys.FLOW_FORMAT` names the rounding.

`benchmarks/flow_format.py` measured the choice: a tenth of float32 and a third of compressed float16, at a picture that
nobody can tell from that of unrounded flow.
"""

import json
import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reelmend.pipelines.errors import StoreError

_STEPS_PER_PX = 64  # of a stored vector; fewer where the longest would exceed `_MOST_STEPS`
_MOST_STEPS = 2**15 - 1  # what 16 bits with a sign hold
_MOST_BYTES = 2**36
"""No segment is larger: what claims to be is not given the memory."""

BYTES_PER_VALUE = 0.5
"""Of a stored component of a vector, measured on hand-held film."""


def expected_bytes(pixels: float) -> int:
    """Return about what flow takes, both ways; `pixels` are those of one direction's vectors, of all pairs."""
    return round(4 * pixels * BYTES_PER_VALUE)


class Cost(NamedTuple):
    """What a segment took to compute: the worker's seconds, reading the frames among them."""

    seconds: float = 0.0
    on_gpu: bool = False


UNKNOWN_COST = Cost()


def encode_flow(forward: NDArray[np.floating], backward: NDArray[np.floating], cost: Cost = UNKNOWN_COST) -> bytes:
    """Pack two [pairs, 2, h, w] flows and what they cost; vectors beyond 32767 pixels are cut off there.

    A value is stored as whole steps of a 64th of a pixel (coarser ones where vectors are longer than 512 pixels), less
    its left neighbour's: small numbers. Low and high bytes go apart, so that zstd finds the high ones to be zeros.
    """
    flows = np.asarray(forward, np.float32), np.asarray(backward, np.float32)
    shape = (2, *flows[0].shape)
    longest = min(max(float(np.abs(flow).max(initial=0)) for flow in flows), _MOST_STEPS)
    steps_per_px = _STEPS_PER_PX
    while longest * steps_per_px > _MOST_STEPS:
        steps_per_px //= 2
    low, high = planes = np.empty((2, shape[0] * shape[1], math.prod(shape[2:])), np.uint8)
    for index, pair in enumerate(
        pair for flow in flows for pair in flow
    ):  # one at a time stays in the processor's cache
        pixels = pair.clip(-_MOST_STEPS, _MOST_STEPS)
        steps = np.rint(np.multiply(pixels, steps_per_px, out=pixels), out=pixels).astype("<i2")
        steps[..., 1:] -= steps[..., :-1].copy()  # modulo 2^16, as is their sum
        words = ((steps << 1) ^ (steps >> 15)).view(np.uint8).reshape(-1, 2)  # the sign becomes the lowest bit
        low[index], high[index] = words[:, 0], words[:, 1]
    facts = {"shape": shape, "steps_per_px": steps_per_px}
    header = json.dumps(facts | {"seconds": round(cost.seconds, 3), "on_gpu": cost.on_gpu}).encode()
    body: bytes = pa.compress(planes, codec="zstd", asbytes=True)
    return len(header).to_bytes(4, "little") + header + body


def decode_flow(blob: bytes, first: int = 0, last: int | None = None) -> NDArray[np.float16]:
    """Return float16 [2 (forward, backward), pairs, 2 (dx, dy), h, w] of the segment's pairs [first, last).

    Raises StoreError for what is not a segment.
    """
    header, end = _header(blob)
    try:
        low, high = _planes(blob[end:], tuple(int(side) for side in header["shape"]))
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as exc:
        raise StoreError(f"a cached flow segment cannot be read ({exc}); see `reelmend cache verify`") from exc
    low, high = low[:, first:last], high[:, first:last]
    pixels = np.empty(low.shape, np.float16)
    table = _pixels_of_steps(float(header["steps_per_px"]))
    for place in np.ndindex(low.shape[:2]):
        words = low[place] | (high[place].astype(np.uint16) << 8)
        steps = ((words >> 1) ^ -(words & 1)).view("<i2")
        np.take(table, np.cumsum(steps, axis=-1, dtype=np.int16).view(np.uint16), out=pixels[place], mode="clip")
    return pixels


@lru_cache(maxsize=4)
def _pixels_of_steps(steps_per_px: float) -> NDArray[np.float16]:
    """Return the length in pixels of every number of steps, by its bits as u16."""
    steps = np.arange(2**16, dtype=np.uint16).view(np.int16)
    pixels: NDArray[np.float32] = steps.astype(np.float32) / np.float32(steps_per_px)
    return pixels.astype(np.float16)


def _planes(body: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the low and the high bytes of a segment's words, each of its `shape`."""
    count = math.prod(shape)
    if 2 * count > _MOST_BYTES or min(shape) < 0 or len(shape) != 5:
        raise ValueError(f"a shape of {shape}")
    planes = np.frombuffer(pa.decompress(body, decompressed_size=2 * count, codec="zstd"), np.uint8)
    return planes.reshape(2, *shape)


def cost_of(blob: bytes) -> Cost:
    """Return what an encoded segment took to compute; nothing where it does not say."""
    header, _ = _header(blob)
    return Cost(header.get("seconds", 0.0), header.get("on_gpu", False))


def _header(blob: bytes) -> tuple[dict[str, Any], int]:
    """Return the header and where it ends. Raises StoreError."""
    end = 4 + int.from_bytes(blob[:4], "little")
    try:
        header = json.loads(blob[4:end])
        if not header["steps_per_px"] > 0:
            raise ValueError("steps of no size")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise StoreError(f"a cached flow segment has no header ({exc}); see `reelmend cache verify`") from exc
    return header, end
