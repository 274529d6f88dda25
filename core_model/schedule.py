"""Which frames are worked on together?

The schedule of ProPainter's published script: sub-videos for flow and propagation, windows for the generator.
Legend: T frames of the clip.
"""

from collections.abc import Sequence
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
    for centre in range(0, frames, step):
        local = range(max(0, centre - step), min(frames, centre + step + 1))
        around = range(0, frames, ref_stride)
        if frames > subvideo_length:
            reach = ref_stride * (subvideo_length // ref_stride // 2)
            around = range(max(0, centre - reach), min(frames, centre + reach), ref_stride)
        windows.append(GeneratorWindow(local, tuple(t for t in around if t not in local)))
    return windows


def touching(subvideos: Sequence[SubVideo], start: int, stop: int) -> list[SubVideo]:
    """Those that keep any of start..stop-1, in order."""
    return [block for block in subvideos if block.start < stop and start < block.stop]


def _subvideos(length: int, block: int, margin: int) -> list[SubVideo]:
    if length <= block:
        return [SubVideo(0, 0, length, length)]
    return [
        SubVideo(max(0, start - margin), start, min(length, start + block), min(length, start + block + margin))
        for start in range(0, length, block)
    ]
