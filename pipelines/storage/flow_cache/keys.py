"""Keys of cached flow.

A segment is keyed by content: the video's digest, its pairs, the region of the picture, the flow's size and what
computed it. Of a whole picture, a second run over the same videos with other masks finds it; of a region, one whose
holes are in the same place does.
"""

from typing import Protocol

from reelmend.core_model.regions import Region
from reelmend.pipelines.utils.hashing import digest_of

FLOW_FORMAT = "steps-1"
"""Names the rounding of stored flow (`codec.py`), on which pictures depend."""
FLOW_FOLDER = "flow"
_NAME_BYTES = 16  # of a key: half a SHA-256


class FramePairs(Protocol):
    """What a segment holds: the pairs of frames [start, stop) of a region, None for the whole picture."""

    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...
    @property
    def region(self) -> Region | None: ...
    @property
    def moving(self) -> tuple[int, ...] | None: ...


def segment_key(video_digest: str, segment: FramePairs, size: tuple[int, int], estimator_digest: str) -> str:
    """`size` is the flow's (width, height)."""
    what = (segment.start, segment.stop, segment.region)
    repeats = () if segment.moving is None else (("moving", segment.moving),)
    name = digest_of("flow", FLOW_FORMAT, video_digest, *what, size, estimator_digest, *repeats)
    return key_named(bytes.fromhex(name))


def segment_name(key: str) -> bytes:
    """Return the 16 bytes that identify a segment's key. Raises ValueError if `key` is not the key of a segment."""
    name = bytes.fromhex(key.rpartition("/")[2])
    if len(name) != _NAME_BYTES or key != key_named(name):
        raise ValueError(f"{key} is not the key of a flow segment")
    return name


def key_named(name: bytes) -> str:
    """Inverse of `segment_name`."""
    return f"{FLOW_FOLDER}/{name.hex()[:2]}/{name.hex()}"
