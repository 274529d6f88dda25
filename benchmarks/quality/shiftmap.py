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

from benchmarks.quality.blending import blended
from benchmarks.quality.region import Region
from reelmend.core_model.engine import U8, Bool

PACKAGE = "opencv-contrib-python-headless==5.0.0.93"
FRAMES_A_CASE = 4
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "reelmend-benchmarks")
_WORKER = Path(__file__).with_name("shiftmap_worker.py")
_BLENDING = "membrane 3"  # part of the cache's key


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
            raw = _without_gaps(_kept(PACKAGE, frames, holes, run), holes)
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


def _without_gaps(raw_THWC: U8, holes_THW: Bool) -> U8:
    """SHIFTMAP leaves a pixel that it finds no shift for at zero in Lab, a blue that no picture has: Telea's, then."""
    zero = cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_Lab2RGB)[0, 0]
    gaps = holes_THW & (raw_THWC == zero).all(-1)
    return np.stack(
        [
            cv2.inpaint(np.ascontiguousarray(frame), gap.astype(np.uint8), 4, cv2.INPAINT_TELEA) if gap.any() else frame
            for frame, gap in zip(raw_THWC, gaps, strict=True)
        ]
    )


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
