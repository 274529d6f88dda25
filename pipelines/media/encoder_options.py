"""Options of encoders besides size and pixel format.

The same frames have to become the same bytes in every process. x264 does not do so by itself: its macroblock trees read
memory that nothing wrote, at widths whose macroblocks are no multiple of 8, which `cpu-independent` ends (it takes no
measurable time), and above 8 bits, with two threads, about one output in forty still differs.
"""

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.fields import TOP
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.side_data import CENTRE, LEFT

THREADS = 2
"""Encoder threads; more of them hold more frames."""


def encoder_threads(codec: Codec, pixel_format: str) -> int:
    """Return how many threads an encoder may use and still write the same bytes each time."""
    return 1 if codec == Codec.h264 and pixel_format.endswith("le") else THREADS


def encoder_options(stitch: StitchConfig, info: VideoInfo, pixel_format: str) -> dict[str, str]:
    """Return the encoder's own options for a video that is stored in `pixel_format`."""
    if stitch.codec == Codec.h264:
        own = {"cpu-independent": "1"} | _x264_words(info) | _chroma(info, pixel_format)
        return {"crf": str(stitch.crf), "preset": stitch.speed, "a53cc": "0", "x264-params": _joined(own)}
    if stitch.codec == Codec.h265:
        own = {"pools": str(THREADS), "frame-threads": "1", "log-level": "error"}
        own |= _x265_words(info) | _chroma(info, pixel_format)
        return {"crf": str(stitch.crf), "preset": stitch.speed, "a53cc": "0", "x265-params": _joined(own)}
    if stitch.codec == Codec.ffv1:
        return {"level": "3", "slicecrc": "1", "g": "1"}
    return {"vendor": "apl0"} if stitch.codec == Codec.prores else {}


def _x264_words(info: VideoInfo) -> dict[str, str]:
    words = {"tff" if info.first_field == TOP else "bff": "1"} if info.first_field else {}
    if info.mastering.display:
        words["mastering-display"] = info.mastering.display
    if info.stereo:
        words["frame-packing"] = info.stereo
    return words | ({"cll": info.mastering.light} if info.mastering.light else {})


def _x265_words(info: VideoInfo) -> dict[str, str]:
    words = {"interlace": "tff" if info.first_field == TOP else "bff"} if info.first_field else {}
    if info.mastering.display:
        words["master-display"] = info.mastering.display
    return words | ({"max-cll": info.mastering.light} if info.mastering.light else {})


def _chroma(info: VideoInfo, pixel_format: str) -> dict[str, str]:
    """H.264 and H.265 say where the samples of 4:2:0 lie unless it is at the left, and number the places from 0.

    Samples that are halved here lie in the middle of their pixels.
    """
    place = info.chroma_place if "420" in info.pixel_format else CENTRE
    return {"chromaloc": str(place - 1)} if "420" in pixel_format and place > LEFT else {}


def _joined(words: dict[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in words.items())
