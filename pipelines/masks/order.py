"""Which image of a mask folder belongs to which frame?"""

import re
from pathlib import Path

from pipelines.errors import MaskError
from pipelines.media.records import VideoInfo
from pipelines.media.source import list_images


def images_by_frame(folder: Path, info: VideoInfo) -> dict[int, Path]:
    """Return the image of each frame that has one.

    As many images as frames: by order. Fewer: by the number at the end of their names; a frame without one has an empty
    mask. Raises MaskError when there are more images than frames, or fewer without usable numbers.
    """
    images = list_images(folder)
    if len(images) == info.frames:
        return dict(enumerate(images))
    counts = f"{folder}: the mask has {len(images)} images, its video {info.path.name} {info.frames} frames"
    if len(images) > info.frames:
        raise MaskError(counts)
    numbers = [_number(image) for image in images]
    known = [number for number in numbers if number is not None]
    if len(known) < len(images):
        raise MaskError(f"{counts}; name them by frame number if the others have no mask")
    frame_of = _frame_numbers(info, known)
    strangers = [number for number in known if number not in frame_of]
    if strangers or len(set(known)) < len(known):
        stranger = strangers[0] if strangers else next(number for number in known if known.count(number) > 1)
        raise MaskError(f"{counts}; number {stranger} in their names is no frame, or stands twice")
    return {frame_of[number]: image for number, image in zip(known, images, strict=True)}


def _frame_numbers(info: VideoInfo, known: list[int]) -> dict[int, int]:
    """Return the frame that each possible number means."""
    if info.is_folder:
        own = [_number(image) for image in list_images(info.path)]
        if None not in own and len(set(own)) == len(own):
            return {number: frame for frame, number in enumerate(own) if number is not None}
    first = 1 if info.frames in known and 0 not in known else 0
    return {frame + first: frame for frame in range(info.frames)}


def _number(image: Path) -> int | None:
    found = re.search(r"(\d+)$", image.stem)
    return int(found[1]) if found else None
