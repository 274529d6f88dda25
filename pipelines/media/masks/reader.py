"""Missing pixels of each frame, from any kind of mask.

A mask is one image (for every frame), a folder of images, a video, an annotation file, an array, drawn by words
(`reelmend.pipelines.media.masks.drawn`), or made from the pictures (`reelmend.pipelines.media.masks.made`). A folder
with one image a frame is taken by order. A folder with fewer, whose
names end in numbers, is taken by frame number, and frames without an image have an empty mask: the numbers are those of
the video's own images when the video is a folder, otherwise they count from `mask.numbered_from`, or, where the job
does not say, from 1 when 1 is the smallest or the last frame's number plus one occurs, else from 0.

A pixel counts as missing when its level lies over the threshold (`reelmend.pipelines.media.masks.levels`). Where no pixel of a mask
does and its levels can only be labels, every one that is not black counts. The probe finds that out once; what reads
frames later gets the threshold that applies.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np

from reelmend.core_model.regions import Region
from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError, MediaError
from reelmend.pipelines.media.arrays import ArrayMask
from reelmend.pipelines.media.boxes import bounding_box
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.masks.align import Bool, fitted, refuse_other_shape
from reelmend.pipelines.media.masks.annotations import read_annotations
from reelmend.pipelines.media.masks.by_time import frames_at, time_note
from reelmend.pipelines.media.masks.drawn import DrawnMask
from reelmend.pipelines.media.masks.findings import LevelCount, coverage_note, size_note
from reelmend.pipelines.media.masks.frame_numbers import order_images
from reelmend.pipelines.media.masks.levels import U8, frame_levels, read_label_image, read_mask_image, with_alpha
from reelmend.pipelines.media.masks.made import MadeMask
from reelmend.pipelines.media.masks.track import HoleTrack, TrackMaker, tile_boxes
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.source import image_size, list_images
from reelmend.pipelines.storage.suffixes import ANNOTATIONS, is_image

Kind = Literal["image", "folder", "video", "annotations", "array", "drawn", "made", "none"]
MaskInput = Path | ArrayMask | DrawnMask | MadeMask
"""Where a mask is read from."""

_NO_TRACK = HoleTrack()
_MOST_NOTES = 4
"""Of a mask's images, each note once."""


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
    threshold: int | None = None
    """The level above which pixels were taken as missing where that is not the job's; see `as_read`."""
    notes: tuple[str, ...] = ()
    """For a person: what may have been meant otherwise."""

    def as_read(self, config: MaskConfig) -> MaskConfig:
        """Return the settings by which the mask is read again as it was read for this summary."""
        return config if self.threshold is None else replace(config, threshold=self.threshold)


@dataclass(frozen=True)
class _Levels:
    """The mask of one frame before it is thresholded; one image's object is yielded for all its frames."""

    values: U8
    path: Path
    lossless: bool
    note: str = ""
    is_frame: bool = False
    is_file: bool = True
    own_rotation: int = 0
    own_mirrored: bool = False


def inspect_masks(path: MaskInput | str, info: VideoInfo, config: MaskConfig) -> MaskSummary:
    """Read a whole mask and return what it covers. Raises MaskError: missing, unreadable, of other length or shape."""
    path = Path(path) if isinstance(path, str) else path
    _refuse_other_video(path, info)
    summary, count = _inspect(path, info, config)
    if not count.are_labels(config.threshold):
        return summary
    as_labels, _ = _inspect(path, info, replace(config, threshold=0))
    notes = (count.labels_note(config.threshold), *as_labels.notes)
    return replace(as_labels, threshold=0, notes=notes)


def _inspect(path: MaskInput, info: VideoInfo, config: MaskConfig) -> tuple[MaskSummary, LevelCount]:
    ranges: list[tuple[int, int]] = []
    covered = full_frames = 0
    previous: _Levels | None = None
    known: tuple[int, tuple[int, int, int, int] | None, list[Region]] = (0, None, [])
    maker, levels_seen = TrackMaker(), LevelCount()
    notes: dict[str, None] = {}
    left, top, right, bottom = info.width, info.height, 0, 0
    for index, levels in enumerate(_levels_of(path, info, config, 0, info.frames)):
        if levels is None:
            continue
        if levels is not previous:
            _take_note(levels, info, levels_seen, notes)
            mask = _fitted(levels, info, config)
            box = bounding_box(mask)
            tiles = [] if box is None else tile_boxes(mask, box)
            previous, known = levels, (int(np.count_nonzero(mask)), box, tiles)
        count, box, tiles = known
        if box is None:
            continue
        maker.see(index, tiles)
        covered += count
        full_frames += count == info.width * info.height
        left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    masked_frames = sum(stop - start for start, stop in ranges)
    found = [
        levels_seen.note(config.threshold),
        coverage_note(covered, masked_frames, full_frames, info, is_made=isinstance(path, MadeMask)),
        _order_note(path, info, config),
    ]
    fraction = covered / (info.width * info.height * info.frames)
    box = (left, top, right, bottom) if covered else (0, 0, 0, 0)
    told = (*notes, *filter(None, found))
    return MaskSummary(_kind(path), _length(path), tuple(ranges), fraction, box, maker.track(), notes=told), levels_seen


def _take_note(levels: _Levels, info: VideoInfo, seen: LevelCount, notes: dict[str, None]) -> None:
    if levels.is_frame:
        seen.see_frame(levels.values)
    else:
        seen.see_image(levels.values, lossless=levels.lossless)
    height, width = levels.values.shape
    for note in (levels.note, size_note((width, height), info, levels.own_rotation)):
        if note and len(notes) < _MOST_NOTES:
            notes[note] = None


def read_masks(path: MaskInput | str, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[Bool]:
    """Yield the masks of frames [start, stop), bool [H, W] at the video's coded size, thresholded and dilated.

    A mask of another size is resized by nearest neighbour; one that shows the picture as a player turns it is turned
    back. Dilation is by a cross, once a pixel. The arrays are read-only, and one image's array is yielded for all
    frames. Raises MaskError as `inspect_masks` does.
    """
    empty = np.zeros((info.height, info.width), np.bool_)
    empty.flags.writeable = False
    previous: tuple[_Levels, Bool] | None = None
    for levels in _levels_of(Path(path) if isinstance(path, str) else path, info, config, start, stop):
        if levels is None:
            yield empty
            continue
        if previous is None or previous[0] is not levels:
            previous = levels, _fitted(levels, info, config)
        yield previous[1]


def _fitted(levels: _Levels, info: VideoInfo, config: MaskConfig) -> Bool:
    if not levels.is_file:  # its levels are exact: threshold and inversion are for files
        config = replace(config, threshold=127, invert=False)
    return fitted(levels.values, levels.path, info, config, levels.own_rotation, levels.own_mirrored)


def _levels_of(path: MaskInput, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[_Levels | None]:
    """Yield the levels of frames [start, stop); None for a frame without a mask."""
    if isinstance(path, ArrayMask):
        yield from _from_array(path, start, stop)
        return
    if isinstance(path, DrawnMask | MadeMask):
        yield from _from_words(path, info, start, stop)
        return
    if not path.exists():
        raise MaskError(f"{path}: no such mask")
    try:
        yield from _READERS[_kind(path)](path, info, config, start, stop)
    except MediaError as error:
        raise MaskError(f"mask {error}") from error


def _from_image(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[_Levels | None]:
    refuse_other_shape(image_size(path), path, info)  # before memory is taken for it
    levels = _of_image(path, config)
    for _ in range(start, stop):
        yield levels


def _from_folder(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[_Levels | None]:
    images = order_images(path, info, config.numbered_from).of_frame
    for index in range(start, stop):
        image = images.get(index)
        if image is not None:
            refuse_other_shape(image_size(image), image, info)
        yield None if image is None else _of_image(image, config)


def _from_video(path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int) -> Iterator[_Levels | None]:
    own = _inspected(path)
    taken = range(info.frames) if own.frames == info.frames else frames_at(own, info)
    if taken is None:
        raise MaskError(
            f"{path}: the mask has {own.frames} frames, its video {info.path.name} {info.frames}, and they do not last "
            "equally long"
        )
    wanted = Counter(taken[start:stop])
    first, last = min(wanted, default=0), max(wanted, default=-1)
    for index, frame in enumerate(read_frames(own, first, last + 1), first):
        if index not in wanted:
            continue
        levels, note = frame_levels(frame, own), ""
        if config.label is None:
            levels, note = with_alpha(path, frame, levels)
        else:
            levels = np.where(levels == config.label, 255, 0).astype(np.uint8)
        one = _Levels(
            levels, path, lossless=False, note=note, is_frame=True, own_rotation=own.rotation, own_mirrored=own.mirrored
        )
        yield from repeat(one, wanted[index])


def _from_annotations(
    path: Path, info: VideoInfo, config: MaskConfig, start: int, stop: int
) -> Iterator[_Levels | None]:
    found = read_annotations(path, config.label)
    if found.frames not in (1, info.frames):
        raise MaskError(f"{path}: annotates {found.frames} frames, its video {info.path.name} has {info.frames}")
    refuse_other_shape(found.size, path, info)
    for frame in range(start, stop) if found.frames > 1 else (0,):
        levels = found.levels(frame)
        one = None if levels is None else _Levels(levels, path, lossless=True)
        yield from repeat(one, 1 if found.frames > 1 else stop - start)


def _from_array(mask: ArrayMask, start: int, stop: int) -> Iterator[_Levels]:
    for levels, repeated in mask.levels_from(start, stop):
        one = _Levels(levels, mask.name, lossless=True)
        yield from (one for _ in range(repeated))


def _from_words(mask: DrawnMask | MadeMask, info: VideoInfo, start: int, stop: int) -> Iterator[_Levels | None]:
    previous: _Levels | None = None
    frames = (
        mask.levels_from(start, stop)
        if isinstance(mask, MadeMask)
        else mask.levels_from(info.display_size, info.pts, info.time_base, start, stop)
    )
    for levels in frames:
        if levels is None:
            yield None
            continue
        if previous is None or previous.values is not levels:
            previous = _Levels(levels, Path(str(mask)), lossless=True, is_file=False)
        yield previous


def _of_image(path: Path, config: MaskConfig) -> _Levels:
    image = read_mask_image(path) if config.label is None else read_label_image(path, config.label)
    return _Levels(image.levels, path, image.lossless, image.note)


def _order_note(path: MaskInput, info: VideoInfo, config: MaskConfig) -> str:
    if isinstance(path, Path) and _kind(path) == "video" and _inspected(path).frames != info.frames:
        return time_note(_inspected(path), info)
    if not isinstance(path, Path) or _kind(path) != "folder":
        return ""
    return order_images(path, info, config.numbered_from).note


_Reader = Callable[[Path, VideoInfo, MaskConfig, int, int], Iterator[_Levels | None]]
_READERS: dict[Kind, _Reader] = {
    "image": _from_image,
    "folder": _from_folder,
    "video": _from_video,
    "annotations": _from_annotations,
}


def _refuse_other_video(path: MaskInput, info: VideoInfo) -> None:
    """Raise MaskError for a mask video of another shape, by its header: before all of it is decoded."""
    if isinstance(path, Path) and path.exists() and _kind(path) == "video":
        try:
            header = glance_video(path)
        except MediaError as error:
            raise MaskError(f"mask {error}") from error
        refuse_other_shape((header.width, header.height), path, info, header.rotation)


def _kind(path: MaskInput) -> Kind:
    if isinstance(path, ArrayMask):
        return "array"
    if isinstance(path, DrawnMask):
        return "drawn"
    if isinstance(path, MadeMask):
        return "made"
    if path.is_dir():
        return "folder"
    if path.suffix.lower() == ANNOTATIONS:
        return "annotations"
    return "image" if is_image(path) else "video"


def _length(path: MaskInput) -> int:
    if isinstance(path, ArrayMask):
        return path.length
    if isinstance(path, DrawnMask):
        return 1
    if isinstance(path, MadeMask):
        return path.frames
    kind = _kind(path)
    if kind == "image":
        return 1
    if kind == "annotations":
        return read_annotations(path).frames
    return len(list_images(path)) if kind == "folder" else _inspected(path).frames


def _inspected(path: Path) -> VideoInfo:
    """Return the record of a mask video; every chunk asks for it, so it is decoded for that once a process."""
    told = path.stat()
    return _inspected_once(path, told.st_mtime_ns, told.st_size)


@lru_cache(maxsize=16)
def _inspected_once(path: Path, modified_ns: int, size: int) -> VideoInfo:
    return inspect_video(path)
