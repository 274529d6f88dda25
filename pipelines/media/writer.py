"""Video file with the source's properties and the restored pixels.

Same timestamps, size, rotation, sample aspect, colour tags and bit depth; the source's own audio and subtitle packets.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
from av.video.stream import VideoStream

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError, SetupError, StoreError
from reelmend.pipelines.media import encoding
from reelmend.pipelines.media.colour import colour_of
from reelmend.pipelines.media.encoder_options import encoder_options, encoder_threads
from reelmend.pipelines.media.encoding import suffix_of
from reelmend.pipelines.media.excerpt import Excerpt
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.fields import field_marker, mark_interlaced
from reelmend.pipelines.media.matroska import set_display_aspect
from reelmend.pipelines.media.png_folder import PngFolder
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.stored import to_stored
from reelmend.pipelines.media.stream_copy import CopiedStreams, blaming_copies

__all__ = ["VideoWriter", "suffix_of"]

_LIMITED = 1


class _Sink(Protocol):
    @property
    def remarks(self) -> list[str]: ...
    def write(self, frame: av.VideoFrame) -> None: ...
    def finish(self) -> None: ...
    def discard(self) -> None: ...


class VideoWriter:
    """Writes frames, in order, to exactly `path`; a folder for the png codec. Use it as a context manager.

    On leaving the block the file is complete; on leaving it by an exception what was written is removed. Raises
    SetupError when the encoder is missing or refuses the video, MediaError when the codec cannot hold this one,
    StoreError when writing fails (disk full).
    """

    def __init__(self, path: Path | str, info: VideoInfo, stitch: StitchConfig, excerpt: Excerpt | None = None) -> None:
        """`info` and `excerpt` as `excerpt_of` returns them."""
        self._path, self._info, self._stitch, self._excerpt = Path(path), info, stitch, excerpt
        self._sink: _Sink | None = None
        self._count = 0
        self.remarks: list[str] = []
        """Once the file is complete: what had to be done to the streams beside the video, for a person."""

    def __enter__(self) -> Self:
        if not encoding.encoder_available(self._stitch.codec):
            raise SetupError(
                f"this machine's PyAV has no encoder {encoding.encoder_name(self._stitch.codec)};"
                " choose another stitch.codec"
            )
        if reason := encoding.reason_against(self._info.width, self._stitch.codec):
            raise MediaError(f"{self._info.path}: {reason}")
        if self._stitch.codec == Codec.png:
            self._sink = PngFolder(self._path, self._info)
        else:
            self._sink = _FileSink(self._path, self._info, self._stitch, self._excerpt)
        return self

    def write(self, frame: av.VideoFrame) -> None:
        """Add the next frame, in `info.pixel_format`; it gets the timestamp of the source's frame of that number."""
        if self._sink is None:
            raise ValueError("write to a VideoWriter inside its with block")
        if self._count >= self._info.frames:
            raise ValueError(f"{self._path}: more than the {self._info.frames} frames of the source were written")
        self._sink.write(frame)
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if kind is not None:
            sink.discard()
            return
        try:
            if self._count != self._info.frames:
                raise ValueError(f"{self._path}: {self._count} of {self._info.frames} frames were written")
            sink.finish()
            self.remarks = sink.remarks
        except BaseException:
            sink.discard()
            raise


class _FileSink:
    """One container file: an encoded video stream and copies of the source's other streams."""

    def __init__(self, path: Path, info: VideoInfo, stitch: StitchConfig, excerpt: Excerpt | None) -> None:
        self._path, self._info, self._stitch = path, info, stitch
        self._colour = colour_of(info)
        self._storage = encoding.storage_of(
            info.pixel_format, self._colour.full_range, info.width, info.height, stitch.codec,
            encoding.is_halved(stitch.chroma, stitch.codec, info.is_folder),
        )  # fmt: skip
        is_grey = info.pixel_format.startswith("gray") and not self._storage.pixel_format.startswith("gray")
        self._limited = stitch.codec == Codec.prores or is_grey
        container = encoding.CONTAINERS[stitch.codec]
        # Matroska's identifiers are drawn at random otherwise, and the same run twice would not give the same bytes.
        options = {"fflags": "+bitexact"} if container == "matroska" else {"movflags": "+faststart"}
        self._marked = field_marker(info.first_field, info.width, info.height, self._storage.pixel_format)
        self._copies: CopiedStreams | None = None
        self._count = 0
        with self._failing_clearly():
            self._output = av.open(str(path), "w", format=container, container_options=options)
        try:
            with self._failing_clearly():
                self._stream = self._add_video()
                self._stream.codec_context.open()  # what is refused from here on is not the encoder's
                with blaming_copies(self._info, self._stitch):
                    if not info.is_folder:
                        self._copies = CopiedStreams(info, stitch, self._output, excerpt)
                        self._stream.metadata.update(self._copies.video_labels)
                    self._output.start_encoding()
            own_s = excerpt.start_s if excerpt else Fraction(0)
            self._shift = round((self._copies.shift_s if self._copies else own_s) / info.time_base)
        except BaseException:
            self.discard()
            raise

    def write(self, frame: av.VideoFrame) -> None:
        stored = to_stored(frame, self._storage.pixel_format, self._colour, self._limited)
        stored.pts, stored.time_base = self._info.pts[self._count] - self._shift, self._info.time_base
        stored.pict_type = 0  # the encoder chooses its own key frames, not the source's
        self._count += 1
        self._mux(self._marked(stored))

    @property
    def remarks(self) -> list[str]:
        return self._copies.remarks if self._copies else []

    def finish(self) -> None:
        self._mux(None)
        with self._failing_clearly():
            self._copy_until(math.inf)
            with blaming_copies(self._info, self._stitch):
                self._output.close()
            if encoding.CONTAINERS[self._stitch.codec] == "matroska" and self._info.sample_aspect != 1:
                set_display_aspect(self._path, self._info.width, self._info.height, self._info.sample_aspect)
        self._close_source()

    def discard(self) -> None:
        with suppress(av.error.FFmpegError, OSError):  # its trailer does not matter any more
            self._output.close()
        self._close_source()
        with suppress(OSError):
            self._path.unlink()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with self._failing_clearly():
            for packet in self._stream.encode(frame):
                packet.duration = self._ticks_of(packet.pts)
                if packet.dts is not None:
                    self._copy_until(float(packet.dts * packet.time_base))
                self._output.mux_one(packet)

    def _copy_until(self, seconds: float) -> None:
        if self._copies is not None:
            with blaming_copies(self._info, self._stitch):
                self._copies.mux_until(seconds)

    def _ticks_of(self, pts: int | None) -> int:
        """Return how long the frame at `pts` is shown; the last one as long as the one before it."""
        stamps = self._info.pts
        if pts is None or len(stamps) < 2:
            return max(1, round(1 / (self._info.rate * self._info.time_base)))
        index = min(bisect_left(stamps, pts + self._shift), len(stamps) - 2)
        return stamps[index + 1] - stamps[index]

    def _add_video(self) -> VideoStream:
        info, stitch = self._info, self._stitch
        stream: VideoStream = self._output.add_stream(  # type: ignore[assignment]
            encoding.encoder_name(stitch.codec),
            rate=info.rate,
            options=encoder_options(stitch, info, self._storage.pixel_format),
            width=info.width,
            height=info.height,
            time_base=info.time_base,
        )
        context = stream.codec_context
        context.pix_fmt = self._storage.pixel_format
        context.framerate = info.rate
        context.sample_aspect_ratio = info.sample_aspect
        context.thread_count = encoder_threads(stitch.codec, self._storage.pixel_format)
        mark_interlaced(context, info.first_field)
        if stitch.codec == Codec.h265:
            context.codec_tag = "hvc1"
        self._tag_colours(stream)
        if info.display_matrix is not None:
            stream.set_display_matrix(info.display_matrix)
        return stream

    def _tag_colours(self, stream: VideoStream) -> None:
        tags, context = self._info.colour, stream.codec_context
        converted = self._info.pixel_format.startswith(("rgb", "gbr")) and self._stitch.codec != Codec.ffv1
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.colorspace = self._colour.matrix if converted else tags.matrix
        limited = converted or self._limited
        context.color_range = _LIMITED if limited else tags.range

    @contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            if isinstance(error, OSError):
                raise StoreError(f"{self._path}: cannot be written ({plain(error)})") from error
            raise SetupError(
                f"{self._path}: {encoding.encoder_name(self._stitch.codec)} refuses {self._storage.pixel_format} of"
                f" {self._info.width}x{self._info.height} ({plain(error)}); choose another stitch.codec"
            ) from error

    def _close_source(self) -> None:
        if self._copies is not None:
            self._copies.close()
