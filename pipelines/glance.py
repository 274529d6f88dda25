"""What does a video's header say, wherever it lies? Of one in a bucket, only what that takes is read."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.config import JobConfig
from pipelines.context import RunContext
from pipelines.errors import MaskError, MediaError
from pipelines.masks.findings import threshold_of
from pipelines.masks.levels import read_mask_image
from pipelines.media.info import VideoHeader, glance_video
from pipelines.media.limits import held_to
from pipelines.stores.files import Files
from pipelines.stores.input_cache import InputCache
from pipelines.stores.location import Location


class Glance:
    """Looks at one video after the other."""

    def __init__(self, job: JobConfig) -> None:
        context = RunContext(run_id="", job=job)
        self.files: Files = context.open_files()
        self._copies = InputCache(context.cache_dir, job.store.cache_bytes, self.files)
        self._limits = job.limits

    def at_video(self, place: Location) -> VideoHeader:
        """Return the header. Raises ItemError; a folder of images in a bucket is copied to this machine for it."""
        with held_to(self._limits, self._limits.probe_s):
            return self._at_video(place)

    def at_mask_image(self, place: Location, threshold: int) -> NDArray[np.bool_]:
        """Return which pixels of a mask that is one image are missing, bool [h, w]. Raises ItemError."""
        try:
            path = self._copies.path_of(place)
            if path is None:
                raise MaskError(f"{place}: no such mask")
            with held_to(self._limits, self._limits.probe_s):
                image = read_mask_image(path)
            return image.levels > threshold_of(image.levels, lossless=image.lossless, threshold=threshold)
        finally:
            self._copies.release()

    def _at_video(self, place: Location) -> VideoHeader:
        if isinstance(place, Path):
            return glance_video(place)
        entry = self.files.look(place)
        if entry is not None:
            with self.files.open(entry) as content:
                return glance_video(str(place), content)
        try:
            path = self._copies.path_of(place)
            if path is None:
                raise MediaError(f"{place}: no such video")
            return glance_video(path)
        finally:
            self._copies.release()
