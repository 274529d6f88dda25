"""Which flow exists, and how is it stored?

A segment is keyed by content: the video's digest, its pairs, the flow's size and what computed it, never by the mask.
So a second run over the same videos with other masks finds it. Values are rounded to 64ths of a pixel *before* anything
uses them: a run that computed its flow and one that found it in the cache restore the same picture.

`benchmarks/flow_format.py` measured the choice: a tenth of float32 and a third of compressed float16, at a picture that
nobody can tell from that of unrounded flow.
"""

import json
import math
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.errors import StoreError
from pipelines.identity import digest_of
from pipelines.tasks import Segment

FLOW_FORMAT = "steps-1"
"""Names the rounding, on which pictures depend."""
FLOW_FOLDER = "flow"
_NAME_BYTES = 16
_STEPS_PER_PX = 64
_MOST_STEPS = 2**15 - 1
_MOST_BYTES = 2**36
"""No segment is larger: what claims to be is not given the memory."""


BYTES_PER_VALUE = 0.5
"""Of a stored component of a vector, measured on hand-held film."""


def expected_bytes(pairs: int, size: tuple[int, int]) -> int:
    """Return about what the flow of so many pairs takes, both ways; `size` is its (width, height)."""
    width, height = size
    return round(4 * width * height * pairs * BYTES_PER_VALUE)


class Cost(NamedTuple):
    """What a segment took to compute: the worker's seconds, reading the frames among them."""

    seconds: float = 0.0
    on_gpu: bool = False


UNKNOWN_COST = Cost()


def segment_key(video_digest: str, segment: Segment, size: tuple[int, int], estimator_digest: str) -> str:
    """`size` is the flow's (width, height)."""
    name = digest_of("flow", FLOW_FORMAT, video_digest, segment.start, segment.stop, size, estimator_digest)
    return key_named(bytes.fromhex(name))


def segment_name(key: str) -> bytes:
    """Return the 16 bytes that tell a segment's key from others; raises ValueError where it is no such key."""
    name = bytes.fromhex(key.rpartition("/")[2])
    if len(name) != _NAME_BYTES or key != key_named(name):
        raise ValueError(f"{key} is no key of a flow segment")
    return name


def key_named(name: bytes) -> str:
    """Inverse of `segment_name`."""
    return f"{FLOW_FOLDER}/{name.hex()[:2]}/{name.hex()}"


def encode_flow(forward: NDArray[np.floating], backward: NDArray[np.floating], cost: Cost = UNKNOWN_COST) -> bytes:
    """Pack two [pairs, 2, h, w] flows and what they cost; vectors beyond 32767 pixels are cut off there.

    A value is stored as whole steps of a 64th of a pixel (coarser ones where vectors are longer than 512 pixels), less
    its left neighbour's: small numbers. Low and high bytes go apart, so that zstd finds the high ones to be zeros.
    """
    pixels = np.stack([forward, backward], dtype=np.float32).clip(-_MOST_STEPS, _MOST_STEPS)
    steps_per_px = _STEPS_PER_PX
    while max(pixels.max(initial=0), -pixels.min(initial=0)) * steps_per_px > _MOST_STEPS:
        steps_per_px //= 2
    steps = np.rint(pixels * steps_per_px).astype("<i2")
    steps[..., 1:] -= steps[..., :-1].copy()  # modulo 2^16, as is their sum
    words = (steps << 1) ^ (steps >> 15)  # the sign becomes the lowest bit
    planes = np.ascontiguousarray(words.view(np.uint8).reshape(-1, 2).T)
    facts = {"shape": pixels.shape, "steps_per_px": steps_per_px}
    header = json.dumps(facts | {"seconds": round(cost.seconds, 3), "on_gpu": cost.on_gpu}).encode()
    body: bytes = pa.compress(planes.tobytes(), codec="zstd", asbytes=True)
    return len(header).to_bytes(4, "little") + header + body


def decode_flow(blob: bytes) -> NDArray[np.float16]:
    """Return float16 [2 (forward, backward), pairs, 2 (dx, dy), h, w]. Raises StoreError for what is no segment."""
    header, end = _header(blob)
    try:
        words = _words(blob[end:], tuple(int(side) for side in header["shape"]))
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as exc:
        raise StoreError(f"a cached flow segment cannot be read ({exc}); see `reelmend cache verify`") from exc
    steps = ((words >> 1) ^ -(words & 1)).view("<i2")
    np.cumsum(steps, axis=-1, dtype=np.int16, out=steps)
    pixels: NDArray[np.float32] = steps.astype(np.float32) / np.float32(header["steps_per_px"])
    return pixels.astype(np.float16)


def _words(body: bytes, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    count = math.prod(shape)
    if 2 * count > _MOST_BYTES or min(shape) < 0:
        raise ValueError(f"a shape of {shape}")
    planes = np.frombuffer(pa.decompress(body, decompressed_size=2 * count, codec="zstd"), np.uint8).reshape(2, -1)
    return np.ascontiguousarray(planes.T).view("<u2").reshape(shape)


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
