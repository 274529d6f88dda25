"""Frames of a file: any range of them, exactly, in any order of requests.

Frames are known by their timestamps. Reading seeks to a key frame before the wanted frame, decodes on from there and
believes what it gets only when the first key frame is not after the wanted one; otherwise it starts further back.
So a run of frames is the same whether the file was read from its start or not, with B-frames and open GOPs too.
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.arrays import ArrayVideo
from reelmend.pipelines.media.colour import Coloured, colour_of, grey_to_full
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.formats import copy_of, planes_of, to_working, working_layout
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.source import frames_of, list_images, open_container, read_image, video_stream
from reelmend.pipelines.media.walk import HELD_BYTES, LONG_GAP, FileMark, Walk, walking

_STEPS_BACK = (0, 12, 60, 300)
"""Frames before the wanted one at which decoding is tried to start, before it starts at the beginning."""
_STARTING_CLEAN = ("vp8", "vp9")
"""Codecs whose key frames come before all that follows them; the decoder of their alpha marks none."""
_SWS_EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT


def read_frames(info: VideoInfo, start: int, stop: int) -> Iterator[av.VideoFrame]:
    """Yield the frames [start, stop) in `info.pixel_format`, each with its timestamp; memory does not grow with length.

    Raises MediaError when a frame that was there at inspection is not there any more.
    """
    if not 0 <= start <= stop <= info.frames:
        raise ValueError(f"frames [{start}, {stop}) of a video of {info.frames}")
    if start == stop:
        return
    frames = _opened(info, start, stop)
    for index, frame in enumerate(frames, start):
        converted = to_working(frame, info.pixel_format)
        converted.pts, converted.time_base = info.pts[index], info.time_base
        yield converted


def _opened(info: VideoInfo, start: int, stop: int) -> Iterator[av.VideoFrame]:
    if isinstance(info, ArrayVideo):
        return info.frames_from(start, stop)
    return _from_folder(info, start, stop) if info.is_folder else _from_file(info, start, stop)


def to_rgb(frame: av.VideoFrame, info: Coloured, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Return a frame of `read_frames` as RGB u8 [H, W, 3], or [h, w, 3] when `size` = (w, h) is given.

    Matrix and range are the file's, or those of `reelmend.pipelines.media.colour`; 10 bits and more are rounded to 8, alpha is
    left out. A smaller size averages the area of a pixel, a larger one is bicubic. The same input gives the same bytes.
    Raises MediaError for a frame whose colours FFmpeg does not convert, as a damaged file may claim any.
    """
    width, height = size or (frame.width, frame.height)
    layout, colour = working_layout(frame.format.name), colour_of(info)
    smaller = width < frame.width or height < frame.height
    if layout.family == "grey":
        grey: NDArray[Any] = grey_to_full(planes_of(frame)[0], colour, layout.bits)
        if (width, height) != (frame.width, frame.height):
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
        return np.repeat(grey[:, :, None], 3, axis=2)
    source_range = 2 if colour.full_range else 1
    try:
        rgb = _with_centred_chroma(frame).reformat(
            width=width, height=height, format="rgb24", threads=1,
            src_colorspace=colour.matrix if layout.family == "yuv" else None,
            src_color_range=source_range, dst_color_range=2,
            interpolation=int((Interpolation.AREA if smaller else Interpolation.BICUBIC) | _SWS_EXACT),
        )  # fmt: skip
    except av.error.FFmpegError as error:
        raise MediaError(f"a frame in {frame.format.name} cannot be converted to RGB ({plain(error)})") from error
    return np.ascontiguousarray(planes_of(rgb)[0], np.uint8)


def _with_centred_chroma(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame whose chroma is taken to lie in the middle of the pixels it covers, as `paste_rgb` takes it.

    Frames of H.264 say that it lies at the left; read like that and pasted in the middle, colours would drift by a
    quarter of a pixel. That word is lost in a copy of the samples.
    """
    layout = working_layout(frame.format.name)
    return copy_of(frame) if layout.shift_x or layout.shift_y else frame


def _from_folder(info: VideoInfo, start: int, stop: int) -> Iterator[av.VideoFrame]:
    images = list_images(info.path)
    if len(images) != info.frames:
        raise MediaError(f"{info.path}: holds {len(images)} images now, {info.frames} when it was inspected; run again")
    for path in images[start:stop]:
        frame = read_image(path)
        if (frame.width, frame.height) != (info.width, info.height):
            raise MediaError(f"{path}: has {frame.width}x{frame.height} pixels now, not {info.width}x{info.height}")
        yield frame


def _from_file(info: VideoInfo, start: int, stop: int) -> Iterator[av.VideoFrame]:
    if info.seekable and info.key_gap <= LONG_GAP:
        with closing(_begun(info, start)) as walk:
            yield from walk.passing(start, stop)
        return
    with walking(FileMark.of(info.path), start, partial(_begun, info, start)) as walk:
        yield from walk.passing(start, stop)


def _begun(info: VideoInfo, start: int) -> Walk:
    """Return a walk that has come to frame `start`. Raises MediaError when there is no such frame any more."""
    steps = [back for back in _STEPS_BACK if back < start] if info.seekable else []
    held = 0 if info.seekable and info.key_gap <= LONG_GAP else HELD_BYTES
    for target in [*(start - back for back in steps), None]:
        with ExitStack() as opened:
            mark = FileMark.of(info.path)
            container = opened.enter_context(open_container(info.path))
            stream = video_stream(container, info.path)
            walk = Walk(mark, _decoded_from(container, stream, info, target), opened.pop_all(), held)
        if walk.comes_to(start):
            return walk
        walk.close()
    raise MediaError(f"{info.path}: frame {start} no longer exists; the file has changed since it was inspected")


def _decoded_from(
    container: InputContainer, stream: VideoStream, info: VideoInfo, target: int | None
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (index, frame) from the key frame at or before frame `target` on; from the start for None.

    After a seek, frames shown before the first key frame lack their references and are left out.
    """
    broken = (
        av.error.FFmpegError,
        ValueError,
    )  # looked up now: at Python's end modules go before generators are closed
    try:
        if target is None:
            counted = enumerate(_sound(container, stream, info))
            yield from _known(container, stream, info) if info.seekable else counted
            return
        container.seek(info.pts[target], stream=stream, backward=True)
        opened = info.codec in _STARTING_CLEAN
        for index, frame in _known(container, stream, info):
            opened = opened or frame.key_frame
            if opened:
                yield index, frame
    except broken as error:
        if target is None:
            raise MediaError(f"{info.path}: cannot be decoded ({plain(error)})") from error


def _sound(container: InputContainer, stream: VideoStream, info: VideoInfo) -> Iterator[av.VideoFrame]:
    return (frame for frame in frames_of(container, stream, info.path) if not frame.is_corrupt)


def _known(container: InputContainer, stream: VideoStream, info: VideoInfo) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield the frames that the inspection saw, with their index."""
    for frame in _sound(container, stream, info):
        if frame.pts is None:
            continue
        index = bisect_left(info.pts, frame.pts)
        if index < info.frames and info.pts[index] == frame.pts:
            yield index, frame
