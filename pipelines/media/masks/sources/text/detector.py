"""Detector of text lines: the PP-OCR network of RapidOCR's wheel, run by ONNX Runtime, and what becomes of its map.

Of the wheel only the network's file is used: the package is never imported, so it configures no logging, opens no
pictures and downloads nothing. The network gives, per pixel, how likely it belongs to the core of a text line, a band
narrower than the letters are high (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI
2020). So cores are cut out by a threshold, and grown back.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.media.boxes import Box

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

INSTALL = "pip install 'reelmend[text]'"
LIKELY_CORE = 0.3
"""Probability from which a pixel belongs to a core; the network's authors' choice."""
LIKELY_LINE = 0.55
"""Mean probability of a core from which it may be a line: letters that fade in or are hard to read."""
GROWN = 1.6
"""A core of area A and perimeter L is grown by GROWN A / L on each side; the network's authors' choice."""
MOST_SIDE = 736
"""Longest side, in pixels, of what the network is shown: letters 9 px high there are still found."""
STRIDE = 32
"""The network halves its input five times."""
LEAST_SIDE = 64
"""Shortest side, in pixels, of what the network is shown; smaller pictures get a border."""


def model_problem() -> str:
    """Return why the network cannot be run and what to do; empty if it can."""
    if find_spec("onnxruntime") is None:
        return f"finding text needs ONNX Runtime: {INSTALL}"
    try:
        model_path()
    except SetupError as error:
        return str(error)
    return ""


@lru_cache
def model_path() -> Path:
    """Return the network's file; raises SetupError."""
    try:
        files = distribution("rapidocr").files or []
    except PackageNotFoundError:
        raise SetupError(f"finding text needs the detector in RapidOCR's wheel: {INSTALL}") from None
    found = sorted(Path(str(file.locate())) for file in files if file.match("models/*_det_*.onnx"))
    if not found or not found[0].is_file():
        raise SetupError(f"the installed version of rapidocr has no detector in its wheel: {INSTALL}")
    return found[0]


@lru_cache
def model_digest() -> str:
    """Return a digest of the network's file; raises SetupError."""
    return hashlib.sha256(model_path().read_bytes()).hexdigest()[:16]


@lru_cache(maxsize=1)
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers share the machine by processes
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) at which the network is shown a picture of `size`."""
    scale = min(1.0, MOST_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def probability(picture: U8) -> F32:
    """Return how likely each pixel of an RGB picture u8 [H, W, 3] belongs to the core of a line: f32 [H, W], 0..1."""
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(
        picture,
        0,
        max(LEAST_SIDE, -(-height // STRIDE) * STRIDE) - height,
        0,
        max(LEAST_SIDE, -(-width // STRIDE) * STRIDE) - width,
        cv2.BORDER_REPLICATE,
    )
    bgr = padded[None, ..., ::-1].transpose(0, 3, 1, 2)  # as the network was trained
    session = _session()
    (out,) = session.run(None, {session.get_inputs()[0].name: bgr.astype(np.float32) / 127.5 - 1})
    return np.asarray(out[0, 0, :height, :width], np.float32)


@dataclass(frozen=True)
class Found:
    """What may be a line of text."""

    box: Box
    likely: float
    """Mean probability of its core, 0..1."""


def lines_in(picture: U8) -> list[Found]:
    """Return what may be text lines in an RGB picture u8 [H, W, 3], from top to bottom."""
    likely = probability(picture)
    height, width = likely.shape
    cores = (likely > LIKELY_CORE).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cores, connectivity=8)
    lines = []
    for label, (left, top, wide, high, area) in enumerate(stats.tolist()):
        if label == 0 or min(wide, high) < 2 or area < 12:
            continue
        here = labels[top : top + high, left : left + wide] == label
        mean = float(likely[top : top + high, left : left + wide][here].mean())
        if mean < LIKELY_LINE:
            continue
        grow = GROWN * area / (2 * (wide + high))
        right, bottom = min(width, left + wide + grow), min(height, top + high + grow)
        box = (max(0, int(left - grow)), max(0, int(top - grow)), int(np.ceil(right)), int(np.ceil(bottom)))
        lines.append(Found(box, mean))
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))
