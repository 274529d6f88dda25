"""Packets of sound and text whose times or bytes are not in order, brought into a form that every muxer takes.

Recordings from the air lose packets, and joined ones start their clock again. A damaged packet is dropped, and one that
comes late is moved behind the one before it, or dropped where it overlaps it: what follows stays in step with the
picture.
"""

from collections.abc import Sequence
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

_OVERLAP_S = Fraction(1, 2)
"""What two parts may overlap by; packets that lie further back belong to a clock that has started again."""
_NUDGE_S = Fraction(1, 8000)
"""One sample of the slowest sound: a packet with the time of the one before it is moved by so much."""
_LEAP_S = 10
_SYNC_WORDS = {"ac3": b"\x0b\x77", "eac3": b"\x0b\x77"}


class PacketMender:
    """Repairs the packets of one stream, in the order of the file; the same packets always give the same result."""

    def __init__(self, codec: str, joints: Sequence[Fraction], *, framed: bool) -> None:
        """`joints`: seconds added to all times from each start of the picture's clock on, see `VideoInfo.joints`;
        `framed`: the packets carry their own headers, as in a transport stream."""
        self._codec, self._framed = codec, framed
        self._joints = list(joints)
        self._shift = Fraction(0)
        self._last: Fraction | None = None
        self._duration = Fraction(0)
        self.dropped, self.restarts = 0, 0

    def take(self, packet: "Packet[Stream]") -> bool:
        """Return whether the packet is to be kept, its times set right."""
        due = packet.dts if packet.dts is not None else packet.pts
        if due is None or not packet.size:
            return False
        if self._framed and not is_whole(self._codec, bytes(memoryview(packet)[:8]), packet.size):
            self.dropped += 1
            return False
        tick = packet.time_base
        place = self._joined(due * tick)
        if self._last is not None and place <= self._last:
            behind, end = self._last - place, self._last + self._duration
            if behind <= self._duration / 2:
                place = self._last + max(_NUDGE_S, tick)
            elif end - place <= _OVERLAP_S:
                self.dropped += 1
                return False
            else:
                self._shift += end - place
                self.restarts += 1
                place = end
        moved = round(place / tick) - due
        packet.pts = None if packet.pts is None else packet.pts + moved
        packet.dts = None if packet.dts is None else packet.dts + moved
        self._last, self._duration = place, (packet.duration or 0) * tick
        return True

    def _joined(self, due_s: Fraction) -> Fraction:
        """Return the time on the output's clock, going over to the next one where the source's starts again."""
        place = due_s + self._shift
        if self._last is None or not self._joints:
            return place
        goes_back = self._joints[0] > self._shift
        started = place < self._last - 2 * self._duration if goes_back else place > self._last + _LEAP_S
        if started:
            self._shift = self._joints.pop(0)
            self.restarts += 1
        return due_s + self._shift

    def remark(self, what: str) -> str | None:
        """Return what happened, for a person; None where nothing did."""
        if self.dropped:
            return f"{what}: {self.dropped} damaged or overlapping packets are left out"
        return None


def is_whole(codec: str, head: bytes, size: int) -> bool:
    """Return whether a packet with its own header begins with one, as far as its codec is known here."""
    if codec == "aac":  # ADTS (ISO/IEC 13818-7), or LATM, which has its own muxing
        if head[:1] == b"\x56":
            return True
        long_enough = len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
        return long_enough and (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5 == size
    if codec in ("mp1", "mp2", "mp3"):  # ISO/IEC 11172-3
        return len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6 != 0 and head[2] >> 4 != 15
    sync = _SYNC_WORDS.get(codec)
    return sync is None or head.startswith(sync)
