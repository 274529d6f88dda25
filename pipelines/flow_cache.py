"""Which flow exists, and how is it stored?

A segment is keyed by content: the video's digest, its pairs, the flow's size and what computed it, never by the mask.
So a second run over the same videos with other masks finds it. Values are rounded to float16 (a 2000th of a pixel at
one pixel, a 128th at sixteen) *before* anything uses them: a run that computed its flow and one that found it in the
cache restore the same picture.
"""

import json

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.identity import digest_of
from pipelines.tasks import Segment


def segment_key(video_digest: str, segment: Segment, size: tuple[int, int], estimator_digest: str) -> str:
    """`size` is the flow's (width, height)."""
    name = digest_of("flow", video_digest, segment.start, segment.stop, size, estimator_digest)
    return f"flow/{name[:2]}/{name}"


def encode_flow(forward: NDArray[np.floating], backward: NDArray[np.floating]) -> bytes:
    """Pack two [pairs, 2, h, w] flows. Low and high bytes go apart, so that zstd finds the repetition in the high."""
    both = np.stack([forward, backward]).astype("<f2")
    planes = np.ascontiguousarray(both.view(np.uint8).reshape(-1, 2).T)
    header = json.dumps({"shape": both.shape}).encode()
    body: bytes = pa.compress(planes.tobytes(), codec="zstd", asbytes=True)
    return len(header).to_bytes(4, "little") + header + body


def decode_flow(blob: bytes) -> NDArray[np.float16]:
    """Return float16 [2 (forward, backward), pairs, 2 (dx, dy), h, w]."""
    end = 4 + int.from_bytes(blob[:4], "little")
    shape = json.loads(blob[4:end])["shape"]
    size = int(np.prod(shape)) * 2
    planes = np.frombuffer(pa.decompress(blob[end:], decompressed_size=size, codec="zstd"), np.uint8).reshape(2, -1)
    return np.ascontiguousarray(planes.T).view("<f2").reshape(shape)
