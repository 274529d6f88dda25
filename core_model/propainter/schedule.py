"""Windows, reference frames and sub-videos: which frames are computed together.

The schedule of ProPainter's published script: sub-videos for flow and propagation, windows for the generator.
Legend: T frames of the clip.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_FLOW_MARGIN = 5
_IMAGE_MARGIN = 10
_LONGEST_IMAGE_BLOCK = 100


class SubVideo(NamedTuple):
    """Frames (or flows) start..stop-1 are kept of what is computed from first..last-1."""

    first: int
    start: int
    stop: int
    last: int

    @property
    def read(self) -> slice:
        return slice(self.first, self.last)

    @property
    def kept(self) -> slice:
        """Of what was read."""
        return slice(self.start - self.first, self.stop - self.first)

    @property
    def place(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class GeneratorWindow:
    """Frames the generator completes at once (adjacent ones), and those it only looks at."""

    local: range
    references: tuple[int, ...]


Masked = Callable[[int, int], bool]
"""Whether anything is missing in frames [start, stop)."""


class Needs(NamedTuple):
    """What a piece of a clip takes."""

    windows: frozenset[int]
    """Windows of the generator, by number."""
    flows: frozenset[SubVideo]
    """Sub-videos of which flow is read."""
    completed: frozenset[SubVideo]
    """Those of them with anything to complete."""


def flow_subvideos(flows: int, subvideo_length: int) -> list[SubVideo]:
    """How `flows` flows of one direction are completed: at once, or in blocks with 5 more on both sides."""
    return _subvideos(flows, subvideo_length, _FLOW_MARGIN)


def image_subvideos(frames: int, subvideo_length: int) -> list[SubVideo]:
    """How images are propagated: at once, or in blocks of at most 100 frames with 10 more on both sides."""
    return _subvideos(frames, min(_LONGEST_IMAGE_BLOCK, subvideo_length), _IMAGE_MARGIN)


def generator_windows(
    frames: int, *, neighbor_length: int, ref_stride: int, subvideo_length: int
) -> list[GeneratorWindow]:
    """The windows, in the order in which they are laid over each other."""
    step = max(1, neighbor_length // 2)
    windows = []
    for centre in window_centres(frames, neighbor_length):
        local = range(max(0, centre - step), min(frames, centre + step + 1))
        around = range(0, frames, ref_stride)
        if frames > subvideo_length:
            reach = ref_stride * (subvideo_length // ref_stride // 2)
            around = range(max(0, centre - reach), min(frames, centre + reach), ref_stride)
        windows.append(GeneratorWindow(local, tuple(t for t in around if t not in local)))
    return windows


def window_centres(frames: int, neighbor_length: int) -> range:
    """The frames that the windows are centred on; local frames are half of `neighbor_length` around them."""
    return range(0, frames, max(1, neighbor_length // 2))


def touching(subvideos: Sequence[SubVideo], start: int, stop: int) -> Sequence[SubVideo]:
    """Those of a clip's sub-videos that keep any of start..stop-1, in order; all but the last are equally long."""
    length = subvideos[0].stop if subvideos else 1
    return subvideos[start // length : -(-stop // length)] if start < stop else []


class Schedule:
    """All of it for one clip, and what a piece of the clip needs of it."""

    def __init__(self, frames: int, *, neighbor_length: int, ref_stride: int, subvideo_length: int) -> None:
        self.flow_blocks = flow_subvideos(frames - 1, subvideo_length) if frames > 1 else []
        self.image_blocks = image_subvideos(frames, subvideo_length)
        self.windows = generator_windows(
            frames, neighbor_length=neighbor_length, ref_stride=ref_stride, subvideo_length=subvideo_length
        )
        self.centres = window_centres(frames, neighbor_length)

    def windows_over(self, start: int, stop: int) -> range:
        """The numbers of the windows that complete any of the frames start..stop-1."""
        first = bisect_right(self.windows, start, key=lambda window: window.local.stop)
        return range(first, bisect_left(self.windows, stop, key=lambda window: window.local.start))

    def needs(self, start: int, stop: int, masked: Masked) -> "Needs":
        """What it takes to restore frames start..stop-1, beginning there."""
        windows = [n for n in self.windows_over(start, stop) if masked(*_ends(self.windows[n].local))]
        looked_at = {t for n in windows for t in (*self.windows[n].local, *self.windows[n].references)}
        images = {block for t in looked_at for block in touching(self.image_blocks, t, t + 1)}
        pairs = [_ends(self.windows[n].local) for n in windows]
        pairs += [(block.first, block.last) for block in images if masked(block.first, block.last)]
        flows = {block for first, last in pairs for block in touching(self.flow_blocks, first, last - 1)}
        completed = {block for block in flows if masked(block.first, block.last + 1)}
        return Needs(frozenset(windows), frozenset(flows), frozenset(completed))


def _ends(frames: range) -> tuple[int, int]:
    return frames.start, frames.stop


def _subvideos(length: int, block: int, margin: int) -> list[SubVideo]:
    if length <= block:
        return [SubVideo(0, 0, length, length)]
    return [
        SubVideo(max(0, start - margin), start, min(length, start + block), min(length, start + block + margin))
        for start in range(0, length, block)
    ]
