"""Files of the demo's scene: a clip as a camera would write it, and a video of its masks."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.demo.scene import FRAMES, HEIGHT, RATE, WIDTH, Moment

AUDIO_RATE = 48000
_TONE_HZ = 220.0
_AUDIO_FRAME = 1024


def write_clip(folder: Path, scene: Iterable[Moment]) -> tuple[Path, Path]:
    """Write `scene.mp4` (H.264 and a tone as AAC) and `scene_mask.mkv` (grey, lossless); return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    video, mask = folder / "scene.mp4", folder / "scene_mask.mkv"
    with av.open(str(video), "w") as shown, av.open(str(mask), "w") as masks:
        picture = shown.add_stream("libx264", rate=RATE, options={"crf": "12", "preset": "fast"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = shown.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        hole = masks.add_stream("ffv1", rate=RATE)
        hole.width, hole.height, hole.pix_fmt = WIDTH, HEIGHT, "gray"
        for index, moment in enumerate(scene):
            frame = av.VideoFrame.from_ndarray(moment.shown, "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            shown.mux(picture.encode(frame))
            grey = av.VideoFrame.from_ndarray(moment.mask.astype(np.uint8) * 255, "gray")
            grey.pts, grey.time_base = index, Fraction(1, RATE)
            masks.mux(hole.encode(grey))
        shown.mux(picture.encode())
        masks.mux(hole.encode())
        for tone in _tone(FRAMES / RATE):
            shown.mux(sound.encode(tone))
        shown.mux(sound.encode())
    return video, mask


def _tone(duration_s: float) -> Iterator[av.AudioFrame]:
    """Yield a soft tone with an octave above it, faded in and out."""
    time_s = np.arange(round(duration_s * AUDIO_RATE)) / AUDIO_RATE
    fade = np.clip(np.minimum(time_s, duration_s - time_s) / 0.3, 0, 1)
    wave = 0.12 * fade * (np.sin(2 * np.pi * _TONE_HZ * time_s) + 0.3 * np.sin(4 * np.pi * _TONE_HZ * time_s))
    samples: NDArray[np.float32] = wave.astype(np.float32)
    for start in range(0, len(samples), _AUDIO_FRAME):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + _AUDIO_FRAME], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
        yield frame
