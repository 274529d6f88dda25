"""Generated clips of any length and size that compress and move like film."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


def write_pan(path: Path, *, frames: int, size: tuple[int, int], rate: int = 25, seed: int = 7) -> Path:
    """Write an H.264 clip panning over a smooth texture; `size` is (width, height)."""
    width, height = size
    rng = np.random.default_rng(seed)
    grain = rng.integers(0, 256, (height // 8, width // 4, 3), np.uint8)
    world = np.asarray(cv2.resize(grain, (2 * width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, rate)
        for index in range(frames):
            left = round((width - 1) * (0.5 - 0.5 * np.cos(index / 60)))
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(world[:, left : left + width])))
            )
        container.mux(stream.encode())
    return path


def write_box_mask(path: Path, *, size: tuple[int, int], box: tuple[int, int]) -> Path:
    """Write a mask image with a centred box of (width, height) pixels."""
    (width, height), (box_width, box_height) = size, box
    mask = np.zeros((height, width), np.uint8)
    left, top = (width - box_width) // 2, (height - box_height) // 2
    mask[top : top + box_height, left : left + box_width] = 255
    cv2.imwrite(str(path), mask)
    return path
