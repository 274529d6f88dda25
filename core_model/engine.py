"""Protocols of flow estimators and engines, and of the shots that they read.

Legend: T frames, H W height and width of the frames, h w height and width of the flow.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Float = NDArray[np.floating]


class DeviceFull(RuntimeError):
    """The device cannot hold the smallest piece that the work can be cut into; a smaller picture may fit."""


class FlowEstimator(Protocol):
    """Dense optical flow between adjacent frames, in both directions."""

    @property
    def digest(self) -> str:
        """Names everything that determines the values: method, parameters, weights. Part of the cache key."""
        ...

    def warm(self, size: tuple[int, int] | None) -> None:
        """Load what `estimate` needs, so that the first call is as fast as the next.

        `size` (H, W) is that of the frames to expect, if it is known.
        """
        ...

    def estimate(self, frames_THWC: U8) -> tuple[Float, Float]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], channels (dx, dy) in pixels of these frames.

        Forward flow t leads from frame t to t+1, backward flow t from frame t+1 to t. Frames are RGB. T >= 2. All is
        finite. Raises DeviceFull when memory is insufficient for frames of this size,
        FloatingPointError when numbers overflow.
        """
        ...


class Shot(Protocol):
    """A run of frames without a cut, read when an engine gets there. Frames are numbered from the shot's first, 0.

    Reading forward is cheap; going back may mean decoding again. A run of images is large: an engine may write the
    masked pixels of what `images` returned, and later reads may show that. No result may depend on them.
    """

    @property
    def frames(self) -> int:
        """How many there are, T."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames in pixels."""
        ...

    def images(self, start: int, stop: int) -> U8:
        """Return frames start..stop-1, RGB u8 [stop - start, H, W, 3]."""
        ...

    def masks(self, start: int, stop: int) -> Bool:
        """Return their masks, bool [stop - start, H, W]; True where content is missing."""
        ...

    def flows(self, start: int, stop: int) -> tuple[Float, Float]:
        """Return (forward, backward) flow of the pairs start..stop-1, each [stop - start, 2, h, w], float16 or float32.

        Pair t joins frames t and t+1. Values are pixels of the flow's own size h x w, which may be smaller than H x W
        (same aspect up to rounding): the engine scales them.
        """
        ...


class WindowCount(NamedTuple):
    """Windows of an engine that works in windows of frames, each counted with one run of frames."""

    all: int
    """Those with anything to restore."""
    exited: int
    """Of those, the ones that kept what propagation had brought."""


class Restored(NamedTuple):
    """A run of restored frames, and how far away what fills their holes was seen."""

    frames: U8
    """RGB [T, H, W, 3]: the masked pixels restored, all others as the shot has them."""
    away: U8
    """[T, H, W], of masked pixels: distance in frames to the frame that shows the pixel, 1..255 (255: that or more);
    0 where no frame shows it, so that it was invented. The values of other pixels do not count."""
    miss: U8 | None = None
    """[T, H, W], of masked pixels, in quarters of a grey level: by how much what was taken misses the hole's rim, where
    the same source shows known pixels; of invented pixels, by how much their surroundings vary. None: not known."""
    windows: WindowCount | None = None
    """None: none could exit."""


class Engine(Protocol):
    """Fills the masked pixels of a shot, a block at a time."""

    name: str

    @property
    def digest(self) -> str:
        """Names everything that determines the pixels: method, parameters, weights. Part of a part's key."""
        ...

    def warm(self, size: tuple[int, int] | None) -> None:
        """Load what `restore` needs, so that the first call is as fast as the next.

        `size` (H, W) is that of the frames to expect, if it is known.
        """
        ...

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        """Return frames start..stop-1 with masked pixels filled.

        The result must not depend on what was restored before,
        nor on what the masked pixels hold. T may be 1; masks may be empty or cover a frame. Asking for adjacent
        runs, passing the very same shot, lets the engine continue with what it has. Raises DeviceFull
        (core_model/device/memory.py) when memory is insufficient for this size, FloatingPointError when numbers
        overflow.
        """
        ...
