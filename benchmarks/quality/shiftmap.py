"""The stronger baseline: OpenCV's SHIFTMAP on single frames, and blended into them in the gradient domain.

SHIFTMAP is only in opencv-contrib, which must not lie beside OpenCV in an environment: it is unpacked into a folder of
its own and runs in another process. It takes seconds a frame, so few frames are done, and kept in a cache.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.region import Region
from core_model.engine import U8, Bool

PACKAGE = "opencv-contrib-python-headless==5.0.0.93"
FRAMES_A_CASE = 4
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "reelmend-benchmarks")
_WORKER = Path(__file__).with_name("shiftmap_worker.py")
_SOLVED = 0.02  # grey levels that the last steps of the solver change
_MOST_STEPS = 2000


class Shiftmap:
    """SHIFTMAP in a folder that holds opencv-contrib."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def restore(self, hidden_THWC: U8, masks_THW: Bool, region: Region, frames: list[int]) -> U8:
        """Return some frames, whole, as SHIFTMAP and blending fill them; only the region is looked at."""
        holes = masks_THW[region.slices][frames]
        whole = hidden_THWC[frames]
        whole[region.slices][holes] = self._cached(hidden_THWC[region.slices][frames], holes)[holes]
        return whole

    def _cached(self, frames: U8, holes: Bool) -> U8:
        key = hashlib.sha256(f"{PACKAGE} blend 2 {frames.shape}".encode() + frames.tobytes() + holes.tobytes())
        kept = _CACHE / "shiftmap" / f"{key.hexdigest()[:32]}.npy"
        if kept.exists():
            return np.asarray(np.load(kept), np.uint8)
        raw = self._run(frames, holes)
        filled = np.stack([blended(*each) for each in zip(frames, raw, holes, strict=True)])
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".npy", delete=False) as file:
            np.save(file, filled)
        Path(file.name).replace(kept)
        return filled

    def _run(self, frames: U8, holes: Bool) -> U8:
        with tempfile.TemporaryDirectory() as scratch:
            given, done = Path(scratch, "in.npz"), Path(scratch, "out.npy")
            np.savez(given, frames=frames, holes=holes)
            words = [sys.executable, "-P", str(_WORKER), str(given), str(done)]
            subprocess.run(words, env=_environment(self._folder), check=True)
            return np.asarray(np.load(done), np.uint8)


def spread_frames(masks_THW: Bool) -> list[int]:
    """Return a few masked frames, evenly spread."""
    masked = np.flatnonzero(masks_THW.any((1, 2)))
    places = np.linspace(0, len(masked) - 1, min(FRAMES_A_CASE, len(masked)))
    return [int(masked[round(place)]) for place in places]


def find_shiftmap(folder: Path | None) -> Shiftmap | str:
    """Return SHIFTMAP from a folder, or from a cache that is filled by pip; a line that says why there is none."""
    place = folder or _CACHE / PACKAGE.replace("==", "-")
    if folder is None and not (place / "cv2").is_dir():
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), PACKAGE]
        if subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            return f"pip cannot fetch {PACKAGE}; unpack it into a folder and name that: --contrib DIR"
    words = [sys.executable, "-P", "-c", "import cv2; cv2.xphoto.INPAINT_SHIFTMAP"]
    if subprocess.run(words, env=_environment(place), stderr=subprocess.DEVNULL, check=False).returncode:
        return f"{place} holds no OpenCV with SHIFTMAP; pip install --no-deps --target DIR {PACKAGE}"
    return Shiftmap(place)


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}


def blended(frame_HWC: U8, filled_HWC: U8, hole_HW: Bool) -> U8:
    """Keep the filling's differences between neighbours in the hole, and let no difference across its border be.

    Solved exactly (conjugate gradients on Poisson's equation); the frame's own border takes no part.
    """
    if not hole_HW.any() or hole_HW.all():
        return filled_HWC
    guide, known = filled_HWC.astype(np.float64), frame_HWC.astype(np.float64)
    inside = hole_HW[..., None].astype(np.float64)
    neighbours = _gathered(np.ones_like(inside))
    # (degree - neighbours inside) x = the guide's differences inside + the known pixels around
    goal = inside * (_gathered(inside) * guide - _gathered(inside * guide) + _gathered((1 - inside) * known))
    x = inside * guide
    rest = goal - inside * (neighbours * x - _gathered(x))
    way, square = rest.copy(), np.square(rest).sum((0, 1))
    for _ in range(_MOST_STEPS):
        image = inside * (neighbours * way - _gathered(way))
        step = square / np.maximum((way * image).sum((0, 1)), 1e-12)
        x += step * way
        rest -= step * image
        before, square = square, np.square(rest).sum((0, 1))
        if np.sqrt(square.max() / inside.sum()) < _SOLVED / 10:
            break
        way = rest + square / np.maximum(before, 1e-12) * way
    blended = np.where(hole_HW[..., None], np.clip(np.rint(x), 0, 255), known)
    return np.asarray(blended, np.uint8)


def _gathered(field_HWC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of a pixel's four neighbours, of fewer at the border."""
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float64)
    summed = cv2.filter2D(field_HWC, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float64).reshape(field_HWC.shape)
