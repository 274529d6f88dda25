"""Lines of text of a stretch of a video: their pixels, and the frames in which each is shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.text.changing import Changing
from reelmend.pipelines.media.masks.sources.text.presence import Pattern, pattern_of, shown
from reelmend.pipelines.media.masks.sources.text.strokes import letters
from reelmend.pipelines.media.masks.sources.text.tracks import Sample, Track

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Size = tuple[int, int]

MOST_PRESENT, MOST_ABSENT = 15, 4
"""Pictures from which letters are found: of those that show the line, and on either side of those that do not."""
SURROUNDINGS = 0.9
"""How much around a line is looked at, in heights of its box."""
FADE_SAMPLES = 5
"""Samples before the first and after the last detection in which a line may fade."""


@dataclass
class StillLine:
    """A line that stands still while it is shown."""

    seen: tuple[int, ...]
    """Frames of the samples in which it was detected."""
    box: Box
    crop: Box
    """What is looked at: the line and its surroundings."""
    present: tuple[int, ...]
    absent: tuple[int, ...]
    """Frames that show it, and frames that do not, nor another line at its place."""
    first: int
    stop: int
    """Frames between which it can be shown."""
    pictures: dict[int, U8] = field(default_factory=dict)
    mask: Bool | None = None
    pattern: Pattern | None = None
    changing: Changing | None = None
    new_letters: list[U8] = field(default_factory=list)
    """Where letters change, those of each frame from `first` on, as packed bits."""
    strengths: list[float] = field(default_factory=list)
    """From frame `first` on."""
    there: Bool | None = None

    def look(self, frame: int, picture: U8) -> None:
        """Keep what of a picture is needed to find the letters."""
        if frame in self.present or frame in self.absent:
            self.pictures[frame] = _cut(picture, self.crop).copy()

    def find_letters(self, others: Sequence[Box], boxed: bool) -> None:
        """Find the letters in the pictures kept, which are dropped; `boxed`: a box as well.

        `others` are boxes of lines that are shown at the same time.
        """
        left, top = self.crop[:2]
        box = (self.box[0] - left, self.box[1] - top, self.box[2] - left, self.box[3] - top)
        around = [(one[0] - left, one[1] - top, one[2] - left, one[3] - top) for one in others]
        present = np.stack([self.pictures[frame] for frame in self.present])
        absent = [self.pictures[frame] for frame in self.absent]
        found = letters(present, np.stack(absent) if absent else present[:0], box, around)
        self.pictures.clear()
        self.changing = found.changing
        self.mask, self.pattern = found.mask, pattern_of(found.median, found.mask)
        if boxed:
            self.mask = found.mask.copy()
            self.mask[box[1] : box[3], box[0] : box[2]] = True

    def measure(self, frame: int, picture: U8) -> None:
        """Measure how strongly it is there in a frame; frames come in order."""
        if self.first <= frame < self.stop:
            assert self.pattern is not None
            seen = _cut(picture, self.crop)
            self.strengths.append(self.pattern.strength(seen))
            if self.changing is not None:
                self.new_letters.append(np.packbits(self.changing.letters(seen), axis=1))

    def settle(self) -> None:
        """Decide in which frames it is shown."""
        self.there = shown(self.strengths, [frame - self.first for frame in self.seen])

    def is_shown(self, frame: int) -> bool:
        assert self.there is not None
        return self.first <= frame < self.stop and bool(self.there[frame - self.first])

    def letters(self, frame: int) -> Bool:
        """Return its letters in a frame in which it is shown, bool [h, w] of `crop`."""
        assert self.mask is not None
        if not self.new_letters:
            return self.mask
        new = np.unpackbits(self.new_letters[frame - self.first], axis=1, count=self.mask.shape[1])
        return self.mask | new.astype(np.bool_)


def still_lines(
    tracks: Sequence[Track], samples: Sequence[Sample], scale: float, size: Size, fine: int
) -> list[StillLine]:
    """Return the lines of tracks that stand still.

    `scale` leads from pixels of samples to those of pictures of `size`; every `fine`-th frame can be looked at.
    """
    return [_still_line(track, samples, scale, size, fine) for track in tracks]


def _still_line(track: Track, samples: Sequence[Sample], scale: float, size: Size, fine: int) -> StillLine:
    boxes = np.asarray(track.boxes)
    # Of the boxes that the detector gives the same line, which differ a little, the usual one.
    around = [
        np.percentile(boxes[:, 0], 25),
        np.percentile(boxes[:, 1], 25),
        np.percentile(boxes[:, 2], 75),
        np.percentile(boxes[:, 3], 75),
    ]
    box = _scaled((around[0], around[1], around[2], around[3]), scale, size)
    more = max(4, round(SURROUNDINGS * (box[3] - box[1])))
    crop = (
        max(0, box[0] - more),
        max(0, box[1] - more),
        min(size[0], box[2] + more),
        min(size[1], box[3] + more),
    )
    seen = set(track.frames)
    at = [index for index, sample in enumerate(samples) if sample.frame in seen]
    place = tuple(float(side) for side in around)
    free = [
        index
        for index, sample in enumerate(samples)
        if (index < at[0] - 1 or index > at[-1] + 1) and not any(_touch(place, other.box) for other in sample.found)
    ]
    absent = [index for index in free if index < at[0]][-MOST_ABSENT:] + [i for i in free if i > at[-1]][:MOST_ABSENT]
    inner = track.frames[1:-1] if len(track.frames) > 4 else track.frames  # at the ends it may be fading
    between = range(inner[0], inner[-1] + 1, fine)
    picked = np.unique(np.linspace(0, len(between) - 1, MOST_PRESENT).round().astype(int))
    return StillLine(
        tuple(track.frames),
        box,
        crop,
        tuple(between[index] for index in picked),
        tuple(samples[index].frame for index in absent),
        samples[max(0, at[0] - FADE_SAMPLES)].frame,
        samples[min(len(samples) - 1, at[-1] + FADE_SAMPLES)].frame + 1,
    )


def give_way(lines: Sequence[StillLine]) -> None:
    """Of lines at one place, hide each while another is there: subtitles that follow each other look alike."""
    for line in lines:
        for other in lines:
            if other is line or not _touch(line.box, other.box):
                continue
            for frame in range(max(line.first, other.first), min(line.stop, other.stop)):
                mine, theirs = (one.strengths[frame - one.first] for one in (line, other))
                if theirs > 0.7 and mine < 0.5 and line.there is not None:
                    line.there[frame - line.first] = False


def without_doubles(lines: Sequence[StillLine]) -> list[StillLine]:
    """Return the lines without those that were seen once where another one is: letters that are fading."""
    return [
        line
        for line in lines
        if len(line.seen) > 1
        or not any(
            other is not line and _touch(line.box, other.box) and other.is_shown(line.seen[0]) and len(other.seen) > 1
            for other in lines
        )
    ]


def moving_boxes(tracks: Sequence[Track], scale: float, size: Size, every: int) -> Mapping[int, list[Box]]:
    """Return by frame the boxes of lines that move, with the way of a frame to each side."""
    boxes: dict[int, list[Box]] = {}
    for track in tracks:
        for frame in range(track.frames[0] - every + 1, track.frames[-1] + every):
            left, top, right, bottom = _extrapolated(track, frame)
            box = _scaled((left - 1, top - 1, right + 1, bottom + 1), scale, size)
            if box[2] > box[0] and box[3] > box[1]:
                boxes.setdefault(frame, []).append(box)
    return boxes


def _extrapolated(track: Track, frame: int) -> tuple[float, float, float, float]:
    inside = min(max(frame, track.frames[0]), track.frames[-1])
    box = track.where(inside)
    if frame == inside or len(track.frames) < 2:
        return box
    before, after = (0, 1) if frame < inside else (-2, -1)
    share = (frame - inside) / (track.frames[after] - track.frames[before])
    right, down = ((track.ways[after][side] - track.ways[before][side]) * share for side in range(2))
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


def _scaled(box: tuple[float, ...], scale: float, size: Size) -> Box:
    return (
        int(np.clip(np.floor(box[0] * scale), 0, size[0])),
        int(np.clip(np.floor(box[1] * scale), 0, size[1])),
        int(np.clip(np.ceil(box[2] * scale), 0, size[0])),
        int(np.clip(np.ceil(box[3] * scale), 0, size[1])),
    )


def _cut(picture: U8, box: Box) -> U8:
    return picture[box[1] : box[3], box[0] : box[2]]


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])


def spans(grid: Sequence[int], length: int, margin: int) -> Iterator[tuple[slice, slice]]:
    """Yield (samples of a stretch, the same with those around it that help to decide about it)."""
    for start in range(0, len(grid), length):
        stop = min(len(grid), start + length)
        yield slice(start, stop), slice(max(0, start - margin), min(len(grid), stop + margin))
