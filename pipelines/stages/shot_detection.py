"""The cuts of a video: PySceneDetect's adaptive detector, fed frame by frame while the probe decodes."""

from itertools import pairwise

import av

from reelmend.pipelines.media.sizes import fit

DETECTOR_SIDE = 256
"""Frames are shrunk to this longest side first; a cut is as visible there."""


class ShotFinder:
    """Give it every frame once, in order; then ask for the shots."""

    def __init__(self, threshold: float) -> None:
        # Importing it takes a fifth of a second, and only who probes needs it.
        from scenedetect import AdaptiveDetector, FrameTimecode

        self._detector = AdaptiveDetector(adaptive_threshold=threshold)
        self._time = FrameTimecode
        self._cuts: list[int] = []
        self._frames = 0

    def see(self, index: int, frame: av.VideoFrame) -> None:
        width, height = fit((frame.width, frame.height), DETECTOR_SIDE)
        small = frame.reformat(width=width, height=height, format="bgr24", interpolation="AREA").to_ndarray()
        # The detector counts frames; the rate only converts them to seconds, which nothing here asks for.
        found = self._detector.process_frame(self._time(index, fps=25.0), small)
        self._cuts += [cut.frame_num for cut in found]
        self._frames = index + 1

    def shots(self) -> list[tuple[int, int]]:
        """Return [start, stop) of every shot; together they cover the frames seen."""
        edges = [0, *sorted(set(self._cuts) - {0}), self._frames]
        return list(pairwise(edges))
