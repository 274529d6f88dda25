"""Pictures of a mask: a contact sheet of moments, and a short video, with the mask outlined and tinted."""

import math
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.masks.reader import MaskInput, read_masks
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.rotation import as_shown
from reelmend.pipelines.stages.probe_record import ProbeRecord

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

MOMENTS = 12
"""Pictures of a contact sheet, at most."""
_COLUMNS = 4
_CELL_PX, _VIDEO_PX = 400, 640
"""Longest sides."""
_TINT = np.array((255, 40, 40), np.float32)
_TINT_SHARE = 0.35
_LINE = (255, 230, 60)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class MaskedPictures:
    """The pictures of an item with its mask drawn into them."""

    def __init__(self, record: ProbeRecord, mask: MaskInput, config: MaskConfig) -> None:
        self._record, self._mask = record, mask
        self._config = record.mask.as_read(config)
        self._clip = Clip(record.info, 0, record.info.frames, record.shots)

    def moments(self) -> list[int]:
        """Return frame numbers: the middle of each masked range, or moments spread over all that is masked."""
        ranges = self._record.mask.masked
        total = sum(stop - start for start, stop in ranges)
        count = min(MOMENTS, total)
        middles = [(start + stop) // 2 for start, stop in ranges]
        if 3 <= len(middles) <= count:
            return middles
        wanted = [math.floor((number + 0.5) * total / count) for number in range(count)]
        return [_frame_at(ranges, place) for place in wanted]

    def busiest(self, seconds: float) -> tuple[int, int]:
        """Return the range of frames [start, stop) of so many seconds in which most pixels are masked."""
        frames = self._record.info.frames
        length = min(frames, max(1, round(seconds * float(self._record.info.rate))))
        counts = np.fromiter((np.count_nonzero(mask) for mask in self._masks(0, frames)), np.int64, frames)
        sums = np.convolve(counts, np.ones(length, np.int64), "valid")
        start = int(sums.argmax())
        return start, start + length

    def sheet(self) -> U8:
        """Return the contact sheet, RGB [H, W, 3]: moments in rows, each with its time."""
        size = self._size(_CELL_PX)
        cells = []
        for frame in self.moments():
            (drawn,) = self._drawn(frame, frame + 1, size)
            info = self._record.info
            seconds = float((info.pts[frame] - info.pts[0]) * info.time_base)
            cells.append(_labelled(drawn, f"{int(seconds // 60)}:{seconds % 60:05.2f}"))
        columns = min(_COLUMNS, len(cells))
        blank = np.zeros_like(cells[0])
        cells += [blank] * (-len(cells) % columns)
        rows = [np.concatenate(cells[at : at + columns], axis=1) for at in range(0, len(cells), columns)]
        return np.concatenate(rows)

    def write_video(self, path: Path, start: int, stop: int) -> None:
        """Write frames [start, stop) as H.264 in MP4, which browsers play."""
        width, height = (side // 2 * 2 for side in self._size(_VIDEO_PX))
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
            stream = file.add_stream("libx264", rate=self._record.info.rate, options={"crf": "23", "preset": "fast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in self._drawn(start, stop, (width, height)):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            file.mux(stream.encode(None))

    def _drawn(self, start: int, stop: int, size: tuple[int, int]) -> Iterator[U8]:
        pictures = self._clip.pictures(start, stop, size)
        for picture, mask in zip(pictures, self._masks(start, stop), strict=True):
            yield _outlined(picture, mask)

    def _masks(self, start: int, stop: int) -> Iterator[Bool]:
        info = self._record.info
        for mask in read_masks(self._mask, info, self._config, start, stop):
            yield as_shown(mask, info.rotation, info.mirrored)

    def _size(self, longest: int) -> tuple[int, int]:
        width, height = self._record.info.display_size
        scale = min(1.0, longest / max(width, height))
        return max(2, round(width * scale)), max(2, round(height * scale))


def _outlined(picture: U8, mask: Bool) -> U8:
    """Return the picture with the mask, which may be of another size, tinted and outlined."""
    height, width = picture.shape[:2]
    share = cv2.resize(np.ascontiguousarray(mask, np.float32), (width, height), interpolation=cv2.INTER_AREA)
    inside = (share > 0).astype(np.uint8)
    drawn = picture.copy()
    hole = inside > 0
    drawn[hole] = (drawn[hole] * (1 - _TINT_SHARE) + _TINT * _TINT_SHARE).astype(np.uint8)
    drawn[(cv2.dilate(inside, _CROSS) - inside) > 0] = _LINE
    return drawn


def _labelled(picture: U8, text: str) -> U8:
    place, font = (6, picture.shape[0] - 8), cv2.FONT_HERSHEY_SIMPLEX
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, place, font, 0.45, colour, thickness, cv2.LINE_AA)
    return picture


def _frame_at(ranges: tuple[tuple[int, int], ...], place: int) -> int:
    """Return the number of a frame by its place among those in the ranges."""
    for start, stop in ranges:
        if place < stop - start:
            return start + place
        place -= stop - start
    raise ValueError("there are fewer frames in the ranges")
