"""When a packet is shown, in seconds."""

from fractions import Fraction
from typing import Any

import av


def starts(packet: "av.Packet[Any]") -> Fraction:
    assert packet.pts is not None
    return packet.pts * packet.time_base


def lasts(packet: "av.Packet[Any]") -> Fraction:
    assert packet.duration is not None
    return packet.duration * packet.time_base


def ends(packet: "av.Packet[Any]") -> Fraction:
    return starts(packet) + lasts(packet)
