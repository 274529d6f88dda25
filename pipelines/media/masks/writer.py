"""Made masks as files: a lossless grey video with the source's timestamps, or a folder of PNG images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.capabilities import verify_output
from reelmend.pipelines.media.masks.made import MadeMask
from reelmend.pipelines.media.records import ColourTags, VideoInfo
from reelmend.pipelines.media.writer import VideoWriter

_GREY = ColourTags(2, 2, 2, 2)
"""Unspecified, of full range: 0 and 255 are stored as they are."""


def write_masks(path: Path, mask: MadeMask, info: VideoInfo, stitch: StitchConfig) -> dict[str, str | int | float]:
    """Write a made mask of a video as a player shows it, and return facts about the file.

    White pixels are missing. Raises as `VideoWriter` and `verify_output` do.
    """
    own = _as_mask(info)
    with VideoWriter(path, own, stitch) as writer:
        for frame in _frames(mask):
            writer.write(frame)
    return verify_output(path, own, stitch)


def _as_mask(info: VideoInfo) -> VideoInfo:
    """Return the record of a mask: the video's timing, nothing of its other streams."""
    width, height = info.display_size
    aspect = 1 / info.sample_aspect if info.rotation % 180 else info.sample_aspect
    return replace(
        info,
        is_folder=True,  # so that no sound or subtitles are copied from the source
        width=width,
        height=height,
        pixel_format="gray",
        rotation=0,
        mirrored=False,
        display_matrix=None,  # the pixels are turned already
        sample_aspect=aspect,
        colour=_GREY,
        streams=(),
        first_field="",
    )


def _frames(mask: MadeMask) -> Iterator[av.VideoFrame]:
    nothing = np.zeros(mask.size[::-1], np.uint8)
    for levels in mask.levels_from(0, mask.frames):
        yield av.VideoFrame.from_ndarray(nothing if levels is None else levels, "gray")
