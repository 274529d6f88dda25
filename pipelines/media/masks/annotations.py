"""Masks in annotation files (JSON): COCO, YouTube-VIS, and lists with one run-length code per frame.

A region is a list of polygons ([[x, y, x, y, ...], ...], in pixels) or a run-length code ({"size": [height, width],
"counts": ...}), whose runs go down the columns, beginning with a run of zeros. Counts are numbers, or COCO's text: each
number in groups of five bits, lowest first, as characters from '0' on; the bit of 32 says that another group follows,
that of 16 in the last one is the sign, and from the fourth number on each is the difference to the one two before.

https://cocodataset.org/#format-data, https://youtube-vos.org/dataset/vis
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.limits import refuse_pixels

U8 = NDArray[np.uint8]
Region = Any
"""A list of polygons or a run-length code, as the file has it."""
_MOST_BYTES = 1 << 30
_LARGEST = 1e6
"""Coordinates beyond are none."""


@dataclass(frozen=True)
class Annotations:
    """Regions by frame."""

    size: tuple[int, int]
    """(width, height) of the pictures that were annotated."""
    frames: int
    """Frames that the file knows, with or without a region."""
    regions: Mapping[int, Sequence[Region]] = field(repr=False)
    path: Path

    def levels(self, frame: int) -> U8 | None:
        """Return u8 [H, W], 255 in the frame's regions; None where it has none. Raises MaskError."""
        found = self.regions.get(frame)
        if not found:
            return None
        width, height = self.size
        drawn = np.zeros((height, width), np.uint8)
        for region in found:
            try:
                _draw(region, drawn)
            except (KeyError, TypeError, ValueError, IndexError, OverflowError) as exc:
                raise MaskError(f"{self.path}: a region of frame {frame} is not valid: {exc}") from exc
        return drawn


def read_annotations(path: Path, label: int | None = None) -> Annotations:
    """Read a file; `label`: only annotations of this category. Raises MaskError: unreadable, or of another format."""
    told = path.stat()
    found = _read(path, label, told.st_mtime_ns, told.st_size)
    refuse_pixels(path, *found.size, what="an annotated picture")
    return found


@lru_cache(maxsize=4)
def _read(path: Path, label: int | None, modified_ns: int, size: int) -> Annotations:
    if size > _MOST_BYTES:
        raise MaskError(f"{path}: has {size} bytes, at most {_MOST_BYTES}; split it by video")
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as exc:
        raise MaskError(f"{path}: is not valid JSON ({exc})") from exc
    try:
        if isinstance(content, list):
            return _of_list(path, content)
        if "videos" in content:
            return _of_video(path, content, label)
        if "images" in content:
            return _of_images(path, content, label)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as exc:
        why = f"{exc} is missing" if isinstance(exc, KeyError) else str(exc)
        raise MaskError(f"{path}: is not in the format of COCO or YouTube-VIS ({why})") from exc
    raise MaskError(
        f"{path}: has neither images (COCO) nor videos (YouTube-VIS), and is not a list of run-length codes"
    )


def _of_list(path: Path, content: list[Any]) -> Annotations:
    first = next((code for code in content if code), None)
    if first is None:
        raise MaskError(f"{path}: no frame has a region")
    height, width = first["size"]
    regions = {frame: (code,) for frame, code in enumerate(content) if code}
    return Annotations((width, height), len(content), regions, path)


def _of_images(path: Path, content: dict[str, Any], label: int | None) -> Annotations:
    images = content["images"]
    numbers = [_number(str(image.get("file_name", ""))) for image in images]
    known = [number for number in numbers if number is not None]
    if len(set(known)) == len(images):
        images = [images[place] for place in np.argsort(known)]
    frame_of = {image["id"]: frame for frame, image in enumerate(images)}
    sizes = {(int(image["width"]), int(image["height"])) for image in images}
    if len(sizes) != 1:
        raise MaskError(
            f"{path}: its {len(images)} images have {len(sizes)} sizes; a mask needs the images of one video"
        )
    regions: dict[int, list[Region]] = {}
    for annotation in _wanted(content, label):
        regions.setdefault(frame_of[annotation["image_id"]], []).append(annotation["segmentation"])
    return Annotations(sizes.pop(), len(images), regions, path)


def _of_video(path: Path, content: dict[str, Any], label: int | None) -> Annotations:
    if len(content["videos"]) != 1:
        raise MaskError(f"{path}: annotates {len(content['videos'])} videos; a mask file needs exactly one")
    (video,) = content["videos"]
    frames = int(video.get("length") or len(video["file_names"]))
    regions: dict[int, list[Region]] = {}
    for annotation in _wanted(content, label):
        for frame, region in enumerate(annotation["segmentations"]):
            if region:
                regions.setdefault(frame, []).append(region)
    return Annotations((int(video["width"]), int(video["height"])), frames, regions, path)


def _wanted(content: dict[str, Any], label: int | None) -> Iterator[dict[str, Any]]:
    return (one for one in content["annotations"] if label is None or one.get("category_id") == label)


def _number(name: str) -> int | None:
    found = re.search(r"(\d+)$", Path(name).stem)
    return int(found[1]) if found else None


def _draw(region: Region, drawn: U8) -> None:
    """Set the region's pixels to 255."""
    height, width = drawn.shape
    if isinstance(region, dict):
        size = tuple(map(int, region["size"]))
        if size != (height, width):
            raise ValueError(f"its size is {size[1]}x{size[0]}, that of the pictures {width}x{height}")
        counts = region["counts"]
        drawn[_decoded(_counts(counts) if isinstance(counts, str) else counts, height, width)] = 255
        return
    for polygon in region:
        points = np.array(polygon, np.float64).reshape(-1, 2)
        meant = (np.abs(points) < _LARGEST).all(axis=1)  # NaN is not
        if not meant.all():
            raise ValueError(f"{points[~meant][0]} is not a place in the picture")
        cv2.fillPoly(drawn, [np.round(points - 0.5).astype(np.int32)], 255)


def _decoded(counts: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    runs = np.array(counts, np.int64)
    if runs.sum() != height * width or (runs < 0).any():
        raise ValueError(f"its runs cover {runs.sum()} of {height * width} pixels")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(width, height).T


def _counts(text: str) -> list[int]:
    counts: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        more = True
        while more:
            group = ord(text[place]) - 48
            value |= (group & 31) << shift
            more = bool(group & 32)
            shift += 5
            place += 1
            if not more and group & 16:
                value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
