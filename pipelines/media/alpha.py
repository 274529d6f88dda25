"""The alpha of VP8 and VP9, which is beside the picture: only libvpx reads it there."""

from contextlib import suppress

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def has_hidden_alpha(stream: VideoStream) -> bool:
    """True where the container says that a second picture beside each frame is its alpha."""
    return any(key.lower() == "alpha_mode" and value.strip() == "1" for key, value in stream.metadata.items())


def alpha_decoder(stream: VideoStream, max_pixels: str, threads: int) -> VideoCodecContext | None:
    """Return a decoder that reads such alpha; None where the usual one will do, or none is here."""
    name = _DECODERS.get(str(stream.codec_context.codec.canonical_name))
    if name is None or not has_hidden_alpha(stream):
        return None
    with suppress(av.codec.codec.UnknownCodecError):
        decoder = av.CodecContext.create(name, "r")
        assert isinstance(decoder, VideoCodecContext)
        decoder.extradata, decoder.options = stream.codec_context.extradata, {"max_pixels": max_pixels}
        decoder.thread_count = threads
        return decoder
    return None
