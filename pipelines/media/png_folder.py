"""Output as a folder of PNG images."""

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.media.colour import colour_of, grey_to_full
from reelmend.pipelines.media.encoding import storage_of
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.reader import to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.stored import to_stored

_COMPRESSION = 3
"""zlib level: twice as fast as the usual 6 for a few per cent of size."""


class PngFolder:
    """Writes 000000.png, 000001.png, ... in coded orientation: 8 bits a channel, 16 for deeper sources.

    The folder may exist, but must be empty. Raises SetupError when it is not, StoreError when writing fails.
    """

    def __init__(self, path: Path, info: VideoInfo) -> None:
        self._path, self._info, self._count = path, info, 0
        self._format = storage_of(info.pixel_format, False, info.width, info.height, Codec.png).pixel_format
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise SetupError(f"{path}: the folder for the images is not empty; choose another output")
        except OSError as error:
            raise StoreError(f"{path}: the folder cannot be created ({error.strerror})") from error

    def write(self, frame: av.VideoFrame) -> None:
        done, encoded = cv2.imencode(".png", self._pixels(frame), [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
        target = self._path / f"{self._count:06d}.png"
        if not done:
            raise StoreError(f"{target}: could not be encoded")
        try:
            target.write_bytes(encoded.tobytes())
        except OSError as error:
            raise StoreError(f"{target}: cannot be written ({error.strerror})") from error
        self._count += 1

    @property
    def remarks(self) -> list[str]:
        return []

    def finish(self) -> None:
        """Every image is complete already."""

    def discard(self) -> None:
        for index in range(self._count + 1):
            (self._path / f"{index:06d}.png").unlink(missing_ok=True)
        if self._path.is_dir() and not any(self._path.iterdir()):
            self._path.rmdir()

    def _pixels(self, frame: av.VideoFrame) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return grey or blue-green-red(-alpha) samples, as OpenCV orders them."""
        colour, layout = colour_of(self._info), working_layout(frame.format.name)
        if self._format.startswith("gray"):
            return grey_to_full(planes_of(frame)[0], colour, layout.bits, 8 if self._format == "gray" else 16)
        if self._format == "rgb24":
            return to_rgb(frame, self._info)[..., ::-1]
        channels = 4 if layout.has_alpha else 3
        kind = np.uint16 if "64" in self._format or "48" in self._format else np.uint8
        exact = to_stored(frame, self._format, colour)
        rows = np.frombuffer(memoryview(exact.planes[0]), kind).reshape(frame.height, -1)
        pixels = rows[:, : frame.width * channels].reshape(frame.height, frame.width, channels)
        return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][:channels]])
