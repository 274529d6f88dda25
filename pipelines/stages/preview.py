"""What does a person see of an item? For the report: some moments before (top row) and after (bottom)."""

from collections.abc import Sequence

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.media.info import VideoInfo
from pipelines.media.reader import to_rgb
from pipelines.previews import save_preview
from pipelines.sizes import fit
from pipelines.stores.files import Files
from pipelines.stores.location import Location

COLUMNS = 8
_SIDE = 360
_QUALITY = 82


class PreviewMaker:
    """Give it every frame with its restoration, in order; keeps a few, evenly spread over the masked ones."""

    def __init__(self, info: VideoInfo, masked: Sequence[tuple[int, int]]) -> None:
        frames = [index for start, stop in masked for index in range(start, stop)]
        picks = np.linspace(0, len(frames) - 1, min(COLUMNS, len(frames))).round().astype(int)
        self._wanted = {frames[pick] for pick in picks}
        self._info, self._size = info, fit((info.width, info.height), _SIDE)
        self._pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []

    def see(self, index: int, before: av.VideoFrame, after: av.VideoFrame) -> None:
        if index in self._wanted:
            self._pairs.append((self._thumbnail(before), self._thumbnail(after)))

    def save(self, work: Location, files: Files) -> dict[str, str | int | float]:
        """Publish the strip as one JPEG in the run's folder `work`; return the facts that the report reads."""
        rows = [np.concatenate(row, axis=1) for row in zip(*self._pairs, strict=True)]
        strip = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
        height, width = self._pairs[0][0].shape[:2]
        jpeg = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
        return {
            "preview": save_preview(work, jpeg, files),
            "preview_bytes": len(jpeg),
            "preview_columns": len(self._pairs),
            "preview_width": width,
            "preview_height": height,
        }

    def _thumbnail(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        upright = np.rot90(to_rgb(frame, self._info, self._size), -(self._info.rotation // 90))
        return np.ascontiguousarray(upright)
