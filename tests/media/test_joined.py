"""Recordings from the air: joined ones, and ones that lost packets of their sound."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.packet_mender import PacketMender, is_whole
from reelmend.pipelines.media.stream_copy import try_copies
from tests.clips import write_clip
from tests.media.packets import ends, starts
from tests.media.test_streams import packets, rewritten

PACKET = 188


def seconds(path: Path, kind: str) -> tuple[float, float]:
    """(start, end) of a stream's packets."""
    with av.open(str(path)) as container:
        shown = [
            (starts(packet), ends(packet))
            for packet in container.demux(container.streams.get({kind: 0}))
            if packet.size
        ]
    return float(min(start for start, _ in shown)), float(max(end for _, end in shown))


@pytest.mark.parametrize("codec", [Codec.h264, Codec.ffv1])
def test_joined_streams_play_one_after_the_other_with_their_sound(tmp_path: Path, codec: Codec) -> None:
    part = write_clip(tmp_path / "part.ts", 20).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part + part)
    path, told = rewritten(joined, tmp_path, codec)
    assert "the timestamps restart at frame 20" in " ".join(told)
    for kind in ("video", "audio"):
        start, end = seconds(path, kind)
        assert end - start == pytest.approx(1.6, abs=0.06), kind
    sound = [time for time, _ in packets(path, "audio")]
    assert sound == sorted(sound)
    assert len(sound) >= 2 * len(packets(tmp_path / "part.ts", "audio")) - 3  # parts overlap by what a codec pads


def test_three_parts_of_which_the_last_is_from_another_day(tmp_path: Path) -> None:
    early = write_clip(tmp_path / "early.ts", 10).read_bytes()
    late = write_clip(tmp_path / "late.ts", 10, container_options={"output_ts_offset": "50000"}).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(early + early + late)
    path, _ = rewritten(joined, tmp_path, Codec.h264)
    for kind in ("video", "audio"):
        start, end = seconds(path, kind)
        assert end - start == pytest.approx(1.2, abs=0.09), kind


@pytest.mark.parametrize("lost", [2, 5, 9])
@pytest.mark.parametrize("sound", ["aac", "mp2"])
def test_lost_packets_of_the_sound_cost_no_more_than_themselves(tmp_path: Path, sound: str, lost: int) -> None:
    """What is left of a packet has no header any more: MP4 would refuse it, after all the work on the picture."""
    whole = write_clip(tmp_path / "whole.ts", 30, options={"g": "10"}, sound=sound).read_bytes()
    pieces = [whole[at : at + PACKET] for at in range(0, len(whole), PACKET)]
    of_sound = [n for n, piece in enumerate(pieces) if (piece[1] & 31) << 8 | piece[2] == 0x101]
    damaged = tmp_path / "damaged.ts"
    damaged.write_bytes(b"".join(piece for n, piece in enumerate(pieces) if n != of_sound[lost]))
    found = try_copies(inspect_video(damaged), StitchConfig())
    path, _ = rewritten(damaged, tmp_path, Codec.h264)
    assert len(packets(tmp_path / "whole.ts", "audio")) - len(packets(path, "audio")) <= 4  # until a frame begins again
    start, end = seconds(path, "audio")
    assert end - start == pytest.approx(1.2, abs=0.08)
    assert all("left out" in remark for remark in found)


def told_times(packets_s: list[int], joints: Sequence[Fraction] = ()) -> list[int | None]:
    """Times of packets of 20 ms that start at the times in `packets_s`, after mending; None for those left out."""
    mender = PacketMender("opus", joints, framed=False)
    times: list[int | None] = []
    for start in packets_s:
        packet = av.Packet(b"sound")
        packet.time_base, packet.pts, packet.dts, packet.duration = Fraction(1, 1000), start, start, 20
        times.append(packet.pts if mender.take(packet) else None)
    return times


def test_a_packet_that_overlaps_is_left_out_and_one_at_the_same_time_is_moved() -> None:
    assert told_times([0, 20, 40, 40, 60, 80]) == [0, 20, 40, 41, 60, 80]
    assert told_times([0, 20, 40, 10, 30, 50, 70]) == [0, 20, 40, None, 41, 50, 70]


def test_a_packet_without_its_header_is_left_out() -> None:
    mender, kept = PacketMender("mp2", (), framed=True), []
    for index, head in enumerate(("fffd80c4", "0e137d48", "fffd80c4")):
        packet = av.Packet(bytes.fromhex(head) + bytes(622))
        packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), 26 * index, 26 * index
        kept.append(mender.take(packet))
    assert (kept, mender.dropped) == ([True, False, True], 1)


def test_sound_follows_the_pictures_clock_and_a_clock_of_its_own() -> None:
    assert told_times([1000, 1020, 500, 520], joints=[Fraction(540, 1000)]) == [1000, 1020, 1040, 1060]
    assert told_times([1000, 1020, 100, 120]) == [1000, 1020, 1040, 1060]


@pytest.mark.parametrize(
    ("codec", "head", "size", "whole"),
    [
        ("aac", bytes.fromhex("fff15040 1800fc 00"), 192, True),
        ("aac", bytes.fromhex("fff15040 1800fc 00"), 100, False),
        ("aac", bytes.fromhex("be179347 000000 00"), 16, False),
        ("mp2", bytes.fromhex("fffd80c4"), 626, True),
        ("mp2", bytes.fromhex("0e137d48"), 1738, False),
        ("ac3", bytes.fromhex("0b770000"), 400, True),
        ("ac3", bytes.fromhex("770b0000"), 400, False),
        ("opus", b"anything", 8, True),
    ],
)
def test_a_packet_with_its_own_header_begins_with_one(codec: str, head: bytes, size: int, whole: bool) -> None:
    assert is_whole(codec, head, size) == whole
