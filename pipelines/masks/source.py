"""Which pixels of which frames are missing?

A mask is one image (for every frame), a folder of images, or a video. A folder with one image a frame is taken by
order. A folder with fewer, whose names end in numbers, is taken by frame number, and frames without an image have an
empty mask: the numbers are those of the video's own images when the video is a folder, otherwise they count from 0, or
from 1 when the number of the last frame plus one occurs and 0 does not.

A pixel counts as missing when its brightest channel lies over the threshold, so white, grey and saturated label colours
all work; 16-bit images are read on the scale 0..255, alpha is ignored.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from core_model.regions import Region
from pipelines.config import MaskConfig
from pipelines.errors import MaskError, MediaError
from pipelines.masks.fit import Bool, fitted, refuse_other_shape
from pipelines.masks.levels import frame_levels, image_levels
from pipelines.masks.order import images_by_frame
from pipelines.masks.track import HoleTrack, TrackMaker, tile_boxes
from pipelines.media.info import glance_video, inspect_video
from pipelines.media.kinds import is_image
from pipelines.media.reader import read_frames
from pipelines.media.records import VideoInfo
from pipelines.media.source import image_size, list_images
from pipelines.parts import bounding_box

Kind = Literal["image", "folder", "video", "none"]

_NO_TRACK = HoleTrack()


@dataclass(frozen=True)
class MaskSummary:
    """What a mask covers, at the video's coded size."""

    kind: Kind
    frames: int
    """Images or frames the mask itself has."""
    masked: tuple[tuple[int, int], ...]
    """Ranges [start, stop) of the video's frames in which any pixel is missing."""
    masked_fraction: float
    """Share of all pixels of all frames that the dilated mask covers."""
    box: tuple[int, int, int, int]
    """(left, top, right, bottom) around everything the dilated mask covers, right and bottom exclusive; 0s if empty."""
    track: HoleTrack = _NO_TRACK
    """Where the dilated mask's holes lie, frame by frame."""


def inspect_masks(path: Path | str, info: VideoInfo, config: MaskConfig) -> MaskSummary:
    """Read a whole mask and return what it covers. Raises MaskError: missing, unreadable, of other length or shape."""
    path = Path(path)
    _refuse_other_video(path, info)
    ranges: list[tuple[int, int]] = []
    covered = 0
    previous: Bool | None = None
    known: tuple[int, tuple[int, int, int, int] | None, list[Region]] = (0, None, [])
    maker = TrackMaker()
    left, top, right, bottom = info.width, info.height, 0, 0
    for index, mask in enumerate(read_masks(path, info, config, 0, info.frames)):
        if mask is not previous:
            box = bounding_box(mask)
            tiles = [] if box is None else tile_boxes(mask, box)
            previous, known = mask, (int(np.count_nonzero(mask)), box, tiles)
        count, box, tiles = known
        if box is None:
            continue
        maker.see(index, tiles)
        covered += count
        left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    fraction = covered / (info.width * info.height * info.frames)
    box = (left, top, right, bottom) if covered else (0, 0, 0, 0)
    return MaskSummary(_kind(path), _length(path), tuple(ranges), fraction, box, maker.track())


def read_masks(path: Path | str, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[Bool]:
    """Yield the masks of frames [start, stop), bool [H, W] at the video's coded size, thresholded and dilated.

    A mask of another size is resized by nearest neighbour; one that shows the picture as a player turns it is turned
    back. Dilation is by a cross, once a pixel. The arrays are read-only, and one image's array is yielded for all
    frames. Raises MaskError as `inspect_masks` does.
    """
    path = Path(path)
    if not path.exists():
        raise MaskError(f"{path}: no such mask")
    try:
        yield from _READERS[_kind(path)](path, info, config, start, stop)
    except MediaError as error:
        raise MaskError(f"mask {error}") from error


def _from_image(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[Bool]:
    refuse_other_shape(image_size(path), path, info)  # before memory is taken for it
    mask = fitted(image_levels(path), path, info, config)
    for _ in range(start, stop):
        yield mask


def _from_folder(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[Bool]:
    images = images_by_frame(path, info)
    empty = np.zeros((info.height, info.width), np.bool_)
    empty.flags.writeable = False
    for index in range(start, stop):
        image = images.get(index)
        if image is None:
            yield empty
            continue
        refuse_other_shape(image_size(image), image, info)
        yield fitted(image_levels(image), image, info, config)


def _from_video(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[Bool]:
    own = _inspected(path)
    if own.frames != info.frames:
        raise MaskError(f"{path}: the mask has {own.frames} frames, its video {info.path.name} {info.frames}")
    for frame in read_frames(own, start, stop):
        yield fitted(frame_levels(frame, own), path, info, config, own.rotation)


_Reader = Callable[[Path, VideoInfo, MaskConfig, int, int], Iterator[Bool]]
_READERS: dict[Kind, _Reader] = {"image": _from_image, "folder": _from_folder, "video": _from_video}


def _refuse_other_video(path: Path, info: VideoInfo) -> None:
    """Raise MaskError for a mask video of another shape, by its header: before all of it is decoded."""
    if path.exists() and _kind(path) == "video":
        try:
            header = glance_video(path)
        except MediaError as error:
            raise MaskError(f"mask {error}") from error
        refuse_other_shape((header.width, header.height), path, info, header.rotation)


def _kind(path: Path) -> Kind:
    if path.is_dir():
        return "folder"
    return "image" if is_image(path) else "video"


def _length(path: Path) -> int:
    kind = _kind(path)
    if kind == "image":
        return 1
    return len(list_images(path)) if kind == "folder" else _inspected(path).frames


def _inspected(path: Path) -> VideoInfo:
    """Return the record of a mask video; every chunk asks for it, so it is decoded for that once a process."""
    told = path.stat()
    return _inspected_once(path, told.st_mtime_ns, told.st_size)


@lru_cache(maxsize=16)
def _inspected_once(path: Path, modified_ns: int, size: int) -> VideoInfo:
    return inspect_video(path)
