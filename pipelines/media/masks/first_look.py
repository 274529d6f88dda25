"""First look at a mask file, before a run: what a person may want to know at once.

It reads a few images; the probe reads all, and says what it finds in the end.
"""

from pathlib import Path

import numpy as np

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.inspection import glance_video
from reelmend.pipelines.media.masks.align import refuse_other_shape
from reelmend.pipelines.media.masks.findings import INVERTED, MOST_COVERED, LevelCount, size_note
from reelmend.pipelines.media.masks.levels import read_label_image, read_mask_image
from reelmend.pipelines.media.records import VideoHeader
from reelmend.pipelines.media.source import image_size, list_images
from reelmend.pipelines.storage.suffixes import ANNOTATIONS, is_image

_LOOKED_AT = 3
"""Images of a folder: the first, the middle, the last."""


def first_look(path: Path, video: VideoHeader, config: MaskConfig) -> list[str]:
    """Return doubts about a mask file. Raises MaskError, MediaError where it cannot be a mask of the video."""
    if path.is_dir():
        images = list_images(path)
        fewer = video.frames is not None and len(images) < video.frames
        covered = [f"it has images for {len(images)} of {video.frames} frames"] if fewer else []
        return covered + _of_images(images, video, config)
    if is_image(path):
        return _of_images([path], video, config)
    if path.suffix.lower() == ANNOTATIONS:
        return []
    try:
        header = glance_video(path)
    except MediaError:
        return []  # the probe says what is wrong with it
    refuse_other_shape((header.width, header.height), path, video, header.rotation)
    return list(filter(None, [size_note((header.width, header.height), video, header.rotation)]))


def _of_images(images: list[Path], video: VideoHeader, config: MaskConfig) -> list[str]:
    step = max(1, (len(images) - 1) // (_LOOKED_AT - 1))
    seen, notes, shares = LevelCount(), [], []
    for path in images[::step][:_LOOKED_AT]:
        refuse_other_shape(image_size(path), path, video)
        image = read_mask_image(path) if config.label is None else read_label_image(path, config.label)
        seen.see_image(image.levels, lossless=image.lossless)
        height, width = image.levels.shape
        notes += [image.note, size_note((width, height), video)]
        shares.append(float(((image.levels > config.threshold) ^ config.invert).mean()))
    if len(images) == 1 and seen.are_labels(config.threshold):
        notes.append(seen.labels_note(config.threshold))
    else:
        notes.append(seen.note(config.threshold))
    if shares and np.mean(shares) > MOST_COVERED:
        notes.append(f"it covers {np.mean(shares):.0%} of the picture: {INVERTED}")
    if len(images) == 1 and seen.brightest == 0:
        notes.append(
            "it is black all over, so that nothing would be restored: paint missing pixels white"
            if config.label is None
            else f"no pixel has the label {config.label} (mask.label), so that nothing would be restored"
        )
    return [*dict.fromkeys(filter(None, notes))]
