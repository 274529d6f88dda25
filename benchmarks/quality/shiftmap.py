"""The stronger baseline: OpenCV's SHIFTMAP on single frames, and blended into them in the gradient domain.

SHIFTMAP is only in opencv-contrib, which must not lie beside OpenCV in an environment: it is unpacked into a folder of
its own and runs in another process. It takes seconds a frame, so few frames are done, and kept in a cache.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
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
_BLENDING = "membrane 1"  # part of the cache's key
_RIM_PX = 4
_SOLVED = 0.002  # root mean square of what is left of the equation, in grey levels
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
        def run() -> U8:
            return self._run(frames, holes)

        def blend() -> U8:
            raw = _kept(f"{PACKAGE}", frames, holes, run)
            return np.stack([blended(*each) for each in zip(frames, raw, holes, strict=True)])

        return _kept(f"{PACKAGE} {_BLENDING}", frames, holes, blend)

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
    """Add to a filling the membrane over the hole that takes away what differs along its border.

    That is gradient-domain blending: within the hole the filling's gradients stay. The difference is one of averages
    over some pixels on either side, as SHIFTMAP does not say what it would have put outside. The frame's own border
    takes no part.
    """
    if not hole_HW.any() or hole_HW.all():
        return filled_HWC
    inside = hole_HW[..., None].astype(np.float64)
    difference = _mean_near(frame_HWC, ~hole_HW, hole_HW) - _mean_near(filled_HWC, hole_HW, ~hole_HW)
    membrane = _membrane(inside, difference)
    return np.asarray(np.where(inside > 0, np.clip(np.rint(filled_HWC + membrane), 0, 255), frame_HWC), np.uint8)


def _mean_near(picture_HWC: U8, side_HW: Bool, other_HW: Bool) -> NDArray[np.float64]:
    """Mean colour of the pixels of one side that are close to the other one, seen from everywhere near the border."""
    reach = np.ones((2 * _RIM_PX + 1, 2 * _RIM_PX + 1), np.uint8)
    rim = (side_HW & (cv2.dilate(other_HW.astype(np.uint8), reach) > 0))[..., None].astype(np.float64)
    summed = cv2.GaussianBlur(picture_HWC * rim, (0, 0), _RIM_PX)
    weight = cv2.GaussianBlur(rim, (0, 0), _RIM_PX).reshape(rim.shape)
    return np.asarray(summed / np.maximum(weight, 1e-9), np.float64)


def _membrane(inside: NDArray[np.float64], border: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve Laplace's equation inside, with the values of `border` just outside (conjugate gradients)."""
    neighbours = _gathered(np.ones_like(inside))
    rest = inside * _gathered((1 - inside) * border)
    x = np.zeros_like(rest)
    way, square = rest.copy(), np.square(rest).sum((0, 1))
    for _ in range(_MOST_STEPS):
        image = inside * (neighbours * way - _gathered(way))
        step = square / np.maximum((way * image).sum((0, 1)), 1e-12)
        x += step * way
        rest -= step * image
        before, square = square, np.square(rest).sum((0, 1))
        if np.sqrt(square.max() / inside.sum()) < _SOLVED:
            break
        way = rest + square / np.maximum(before, 1e-12) * way
    return x


def _kept(what: str, frames: U8, holes: Bool, make: Callable[[], U8]) -> U8:
    """Return what a call makes of some frames, from the cache where it is there."""
    key = hashlib.sha256(f"{what} {frames.shape}".encode() + frames.tobytes() + holes.tobytes()).hexdigest()
    place = _CACHE / "shiftmap" / f"{key[:32]}.npy"
    if place.exists():
        return np.asarray(np.load(place), np.uint8)
    made = make()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".npy", delete=False) as file:
        np.save(file, made)
    Path(file.name).replace(place)
    return made


def _gathered(field_HWC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of a pixel's four neighbours, of fewer at the border."""
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float64)
    summed = cv2.filter2D(field_HWC, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float64).reshape(field_HWC.shape)
