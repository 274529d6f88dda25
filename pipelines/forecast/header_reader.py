"""Headers of videos and areas of masks, wherever they lie. Of a file in a bucket, only what that takes is read.

Reads strangers' files in this process: the driver goes through `reelmend.pipelines.forecast.headers`, which does it in another one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.regions import Region, hole_boxes
from reelmend.pipelines.config import LimitsConfig, MaskConfig, S3Config
from reelmend.pipelines.errors import MaskError, MediaError
from reelmend.pipelines.media.inspection import VideoHeader, glance_video
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.masks.align import grown, refuse_other_shape, scaled
from reelmend.pipelines.media.masks.findings import threshold_of
from reelmend.pipelines.media.masks.first_look import first_look
from reelmend.pipelines.media.masks.levels import read_label_image, read_mask_image
from reelmend.pipelines.media.source import image_size
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.input_cache import InputCache
from reelmend.pipelines.storage.location import Location

Size = tuple[int, int]


@dataclass(frozen=True)
class HeaderReaderConfig:
    """What of a job a glance depends on; small, as it goes to another process with every question."""

    s3: S3Config
    limits: LimitsConfig
    cache_dir: Path
    cache_bytes: int


@dataclass(frozen=True)
class MaskHeader:
    """What an image covers of the picture that it is the mask of, dilated."""

    size: Size
    """(width, height) of the image as it was laid on the picture."""
    missing: float
    """Share of it, 0..1."""
    boxes: tuple[Region, ...]
    """Around its holes, in its own pixels."""

    @classmethod
    def of(cls, mask: NDArray[np.uint8]) -> "MaskHeader":
        """Return it of a mask [H, W] of 0 and 1."""
        return cls((mask.shape[1], mask.shape[0]), float(mask.mean()), tuple(hole_boxes(mask.astype(np.bool_))))


class HeaderReader:
    """Looks at one file after the other."""

    def __init__(self, config: HeaderReaderConfig) -> None:
        self._files = Files(config.s3)
        self._copies = InputCache(config.cache_dir, config.cache_bytes, self._files)
        self._limits = config.limits

    def exists(self, place: Location) -> bool:
        return self._files.exists(place)

    def video(self, place: Location) -> VideoHeader:
        """Return the header. Raises ItemError; a folder of images in a bucket is copied to this machine for it."""
        with held_to(self._limits, self._limits.probe_s):
            return self._video(place)

    def mask_image(self, place: Location, picture: Size, config: MaskConfig, header: VideoHeader | None) -> MaskHeader:
        """Return what a mask that is one image covers of a picture of the size (w, h). Raises ItemError.

        With the video's `header`, a mask of another shape is refused before it is decoded.
        """
        try:
            path = self._copies.path_of(place)
            if path is None:
                raise MaskError(f"{place}: no such mask")
            with held_to(self._limits, self._limits.probe_s):
                if header is not None:
                    refuse_other_shape(image_size(path), path, header)
                image = read_mask_image(path) if config.label is None else read_label_image(path, config.label)
                least = threshold_of(image.levels, lossless=image.lossless, threshold=config.threshold)
                missing = ((image.levels > least) ^ config.invert).astype(np.uint8)
        finally:
            self._copies.release()
        if (missing.shape[1] > missing.shape[0]) != (picture[0] > picture[1]):
            missing = np.rot90(missing)  # drawn on the picture as it is seen
        if missing.size > picture[0] * picture[1]:  # as the probe lays it on the video's frames; no more is of use
            missing = scaled(missing, picture)
        mask = grown(missing, round(config.dilation * missing.shape[1] / picture[0]))  # it may be of another size
        return MaskHeader.of(mask)

    def mask_doubts(self, place: Location, config: MaskConfig, header: VideoHeader) -> list[str]:
        """Return what a first look at a mask on this machine leaves to doubt; nothing of one elsewhere.

        Raises ItemError.
        """
        if not isinstance(place, Path):
            return []
        with held_to(self._limits, self._limits.probe_s):
            return first_look(place, header, config)

    def _video(self, place: Location) -> VideoHeader:
        if isinstance(place, Path):
            return glance_video(place)
        entry = self._files.look(place)
        if entry is not None:
            with self._files.open(entry) as content:
                return glance_video(str(place), content)
        try:
            path = self._copies.path_of(place)
            if path is None:
                raise MediaError(f"{place}: no such video")
            return glance_video(path)
        finally:
            self._copies.release()
