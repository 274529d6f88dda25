"""Assignment of the images of a mask folder to frames."""

import re
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.source import list_images


@dataclass(frozen=True)
class ImageOrder:
    """The image of each frame that has one."""

    of_frame: dict[int, Path]
    note: str = ""
    """For a person: how the numbers in their names were read, where there are several ways."""


def order_images(folder: Path, info: VideoInfo, numbered_from: int | None = None) -> ImageOrder:
    """Return the image of each frame that has one.

    As many images as frames: by order. Fewer: by the number at the end of their names; a frame without one has an empty
    mask. `numbered_from` is the number of the first frame; without it numbers count from 1 where one of them says so,
    else from 0. Raises MaskError when there are more images than frames, or fewer without usable numbers.
    """
    images = list_images(folder)
    if len(images) == info.frames:
        return ImageOrder(dict(enumerate(images)))
    counts = f"{folder}: the mask has {len(images)} images, its video {info.path.name} {info.frames} frames"
    if len(images) > info.frames:
        raise MaskError(counts)
    numbers = [_number(image) for image in images]
    known = [number for number in numbers if number is not None]
    if len(known) < len(images):
        raise MaskError(f"{counts}; name them by frame number if the other frames have no mask")
    frame_of, first = _frame_numbers(info, known, numbered_from)
    strangers = [number for number in known if number not in frame_of]
    if strangers or len(set(known)) < len(known):
        stranger = strangers[0] if strangers else next(number for number in known if known.count(number) > 1)
        raise MaskError(
            f"{counts}; number {stranger} in their names is not a frame, or occurs twice; "
            "set mask.numbered_from to the number of the first frame"
        )
    of_frame = {frame_of[number]: image for number, image in zip(known, images, strict=True)}
    return ImageOrder(of_frame, _note(len(images), info, known, first, told=numbered_from is not None))


def _frame_numbers(info: VideoInfo, known: list[int], numbered_from: int | None) -> tuple[dict[int, int], int | None]:
    """Return the frame that each possible number means, and the first frame's; None where the video's images say."""
    if info.is_folder and numbered_from is None:
        own = [_number(image) for image in list_images(info.path)]
        if None not in own and len(set(own)) == len(own):
            return {number: frame for frame, number in enumerate(own) if number is not None}, None
    first = numbered_from if numbered_from is not None else int(_count_from_1(info.frames, known))
    return {frame + first: frame for frame in range(info.frames)}, first


def _count_from_1(frames: int, known: list[int]) -> bool:
    """Numbers that begin with 1 are those of programs that count so (FFmpeg); the last frame's may say so, too."""
    return 0 not in known and (frames in known or min(known) == 1)


def _note(images: int, info: VideoInfo, known: list[int], first: int | None, *, told: bool) -> str:
    covered = f"it has images for {images} of {info.frames} frames, the other frames are not changed"
    if first is None or told or 0 in known or info.frames in known:
        return covered
    other = 1 - first
    return (
        f"{covered}; their numbers, {min(known)} to {max(known)}, were read as counted from {first} (the first frame is "
        f"number {first}); if they count from {other}, set mask.numbered_from={other}"
    )


def _number(image: Path) -> int | None:
    found = re.search(r"(\d+)$", image.stem)
    return int(found[1]) if found else None
