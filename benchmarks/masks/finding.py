"""Running a mask source over pictures, as a job does: written, read, its cuts found."""

import tempfile
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from benchmarks.masks.scenes import U8, Bool
from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import MaskSource, Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.stages.shot_detection import ShotFinder

_RATE = 25
_SHOT_THRESHOLD = 3.0
"""The default of `plan.shot_threshold`."""


class Result(NamedTuple):
    masks: list[Bool]
    notes: list[str]
    ms: float
    """Milliseconds of processor time per frame, decoding included."""


def found(source: MaskSource, pictures: Iterable[U8], config: FindConfig | None = None, crf: int = 18) -> Result:
    """Return the masks of pictures that were compressed as H.264."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        _write(path, pictures, crf)
        shots = ShotFinder(_SHOT_THRESHOLD)
        info = inspect_video(path, shots.see)
        search = Search(Clip(info, 0, info.frames, tuple(shots.shots())), config or FindConfig())
        started = time.process_time()
        masks = list(source.find(search))
        return Result(masks, search.notes, (time.process_time() - started) / max(1, len(masks)) * 1000)


def _write(path: Path, pictures: Iterable[U8], crf: int) -> None:
    with av.open(str(path), "w") as output:
        stream = None
        for picture in pictures:
            height, width = (side // 2 * 2 for side in picture.shape[:2])
            if stream is None:
                stream = output.add_stream("libx264", rate=_RATE, options={"preset": "veryfast", "crf": str(crf)})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.time_base = Fraction(1, _RATE)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), "rgb24")
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode(None))
