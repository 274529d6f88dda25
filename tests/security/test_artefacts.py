"""Somebody else may write to a shared store: what is no part and no flow is an error of one line, not of memory."""

import struct

import numpy as np
import pytest

from pipelines.cache.flow_cache import cost_of, decode_flow, encode_flow
from pipelines.errors import ConfigError, StoreError
from pipelines.job import load_job
from pipelines.parts import Part, Patch, encode_part


def part(change) -> Part:
    """A part of one patch, whose bytes were changed in place."""
    patch = Patch(0, 2, 3, np.full((8, 8, 3), 7, np.uint8), np.ones((8, 8), np.bool_))
    blob = bytearray(encode_part([patch]))
    start = blob.index(b"\x89PNG")
    change(blob, start)
    return Part(bytes(blob))


def test_a_patch_that_asks_for_gigabytes_gets_none() -> None:
    def second_chunk_of_2_gb(blob: bytearray, start: int) -> None:
        struct.pack_into(">I", blob, start + 33, 0x7FFFFFFF)

    def picture_of_60000_pixels(blob: bytearray, start: int) -> None:
        struct.pack_into(">II", blob, start + 16, 60000, 60000)

    assert part(lambda blob, start: None).patch(0) is not None
    for change in (second_chunk_of_2_gb, picture_of_60000_pixels):
        with pytest.raises(StoreError, match="the patch of frame 0 cannot be read"):
            part(change).patch(0)


@pytest.mark.parametrize("blob", [b"", b"ARROW1", b"x" * 500])
def test_what_is_no_part_is_said(blob: bytes) -> None:
    with pytest.raises(StoreError, match="a part cannot be read"):
        Part(blob)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "has no header"),
        (b"[]", "has no header"),
        (b'{"shape": [2, 3, 2, 8, 12], "steps_per_px": 0}', "has no header"),
        (b'{"shape": [2, 99999999, 2, 9999, 9999], "steps_per_px": 64}', "cannot be read"),
        (b'{"shape": [2, -3, 2, 8, 12], "steps_per_px": 64}', "cannot be read"),
        (b'{"shape": "many", "steps_per_px": 64}', "cannot be read"),
    ],
)
def test_what_is_no_flow_is_said(header: bytes, said: str) -> None:
    flow = np.zeros((3, 2, 8, 12))
    good = encode_flow(flow, flow)
    body = good[4 + int.from_bytes(good[:4], "little") :]
    with pytest.raises(StoreError, match=f"a cached flow segment {said}"):
        decode_flow(len(header).to_bytes(4, "little") + header + body)
    with pytest.raises(StoreError, match="has no header"):
        cost_of(b"")


@pytest.mark.parametrize(
    "override",
    [
        *(f"cost.price_per_cpu_hour=-1{'0' * 400}", "run.workers=0x_", "plan.sample=!!timestamp 2001-99-99"),
        *(
            "limits.probe_s=0",
            "limits.pixels=0",
            "limits.pixels=1e12",
            "limits.duration_s=.nan",
            "mask.dilation=2000000",
        ),
    ],
)
def test_a_value_that_nobody_can_mean_is_a_line(override: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_job(overrides=[override])
    assert str(refused.value).startswith(override.partition("=")[0])


def test_text_that_is_no_yaml_is_text() -> None:
    assert load_job(overrides=["name=" + "[" * 3000]).name == "[" * 3000
