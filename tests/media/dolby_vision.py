"""A clip with Dolby Vision metadata: what an encoder here cannot write is put behind each of its frames.

The metadata is one NAL unit of type 62 per frame, the "reference processing unit" of ETSI GS CCM 001, with a mapping
that changes nothing: one straight line for each of the three components.
"""

from pathlib import Path

import av
import numpy as np

from tests.clips import scene

_NAL = b"\0\0\0\1\x7c\x01"
_DENOMINATOR_BITS = 23


class _Bits:
    def __init__(self) -> None:
        self.bits = ""

    def u(self, length: int, value: int) -> None:
        self.bits += format(value, f"0{length}b")

    def ue(self, *values: int) -> None:
        """Exponential Golomb codes."""
        for value in values:
            code = format(value + 1, "b")
            self.bits += "0" * (len(code) - 1) + code


def write_dolby_vision(path: Path, *, profile: int) -> Path:
    """Write three frames of 96x64 in profile 5 (no picture for other players) or 8 (an ordinary HDR10 picture)."""
    raw, whole = path.with_suffix(".hevc"), path.with_suffix(".rpu.hevc")
    with av.open(raw, "w", format="hevc") as out:
        stream = out.add_stream("libx265", rate=25, options={"x265-params": "log-level=none:bframes=0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p10le"
        for picture in scene(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture)).reformat(format="yuv420p10le")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(raw) as plain:
        units = [bytes(packet) for packet in plain.demux(video=0) if packet.size]
    whole.write_bytes(b"".join(unit + _NAL + _escaped(_metadata(profile)) for unit in units))
    with av.open(whole) as read, av.open(path, "w") as out:
        stream = out.add_stream_from_template(read.streams.video[0])
        for number, packet in enumerate(packet for packet in read.demux(video=0) if packet.size):
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = 1 / stream.average_rate if stream.average_rate else packet.time_base
            out.mux(packet)
    return path


def _metadata(profile: int) -> bytes:
    write = _Bits()
    write.u(6, 2)  # kind of unit
    write.u(11, 18)  # its format
    write.u(4, {5: 0, 8: 1}[profile])
    write.u(4, 0)  # level
    write.u(4, 0b1_0_00)  # sequence info follows; no filter for chroma; coefficients are whole numbers
    write.ue(_DENOMINATOR_BITS)
    write.u(2, 1)  # normalised
    write.u(1, int(profile == 5))  # full range
    write.ue(2, 2, 4)  # ten bits, ten bits, twelve bits
    write.u(6, 0b0_000_0_1)  # no resampling, no residual
    write.u(2, 0)  # no display metadata, nothing taken from an earlier unit
    write.ue(0, 0, 0)  # its number, colour space, chroma format
    for _ in range(3):
        write.ue(0)  # two pivots
        write.u(20, 1023)  # at 0 and at 1023
    write.ue(0, 0)  # one partition
    for _ in range(3):
        write.ue(0, 0)  # a polynomial, of order one
        write.u(1, 0)
        for whole in (0, 1):
            write.ue(2 * whole - 1 if whole else 0)  # signed
            write.u(_DENOMINATOR_BITS, 0)
    bits = write.bits + "0" * (-len(write.bits) % 8)
    body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return b"\x19" + body + b"\0\0\0\0" + b"\x80"  # a checksum that decoders do not look at


def _escaped(unit: bytes) -> bytes:
    """Keep start codes from standing in a NAL unit."""
    written, zeros = bytearray(), 0
    for value in unit:
        if zeros >= 2 and value <= 3:
            written.append(3)
            zeros = 0
        written.append(value)
        zeros = 0 if value else zeros + 1
    return bytes(written)
