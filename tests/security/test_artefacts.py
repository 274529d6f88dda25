"""Somebody else may write to a shared store: what is no part and no flow is an error of one line, not of memory."""

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from reelmend.core_model.quality import FrameQuality
from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.stages.parts import Part, Patch, encode_part
from reelmend.pipelines.storage.flow_cache.codec import cost_of, decode_flow, encode_flow

QUALITY = FrameQuality(64, 40, 90, 3.5, 1.1)
PATCH = Patch(0, 2, 3, np.full((8, 8, 3), 7, np.uint8), np.ones((8, 8), np.bool_), QUALITY)


def part(change: Callable[[bytearray, int], object]) -> Part:
    """A part of one patch, whose bytes were changed in place."""
    blob = bytearray(encode_part([PATCH]))
    start = blob.index(b"\x89PNG")
    change(blob, start)
    return Part(bytes(blob))


def part_with(**columns: object) -> bytes:
    """A part of one patch with other values in these columns; None leaves the column out."""
    table = pa.ipc.open_file(encode_part([PATCH])).read_all()
    for name, value in columns.items():
        index = table.schema.get_field_index(name)
        kind = table.schema.field(name).type
        table = table.remove_column(index)
        table = table if value is None else table.append_column(name, pa.array([value], kind))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_a_patch_that_asks_for_gigabytes_gets_none() -> None:
    def second_chunk_of_2_gb(blob: bytearray, start: int) -> None:
        struct.pack_into(">I", blob, start + 33, 0x7FFFFFFF)

    def picture_of_60000_pixels(blob: bytearray, start: int) -> None:
        struct.pack_into(">II", blob, start + 16, 60000, 60000)

    assert part(lambda blob, start: None).patch(0) is not None
    for change in (second_chunk_of_2_gb, picture_of_60000_pixels):
        with pytest.raises(StoreError, match="the patch of frame 0 cannot be read"):
            part(change).patch(0)


def test_a_part_without_a_measured_quality_is_none() -> None:
    with pytest.raises(StoreError, match="a part cannot be read"):
        Part(part_with(flicker=None))


@pytest.mark.parametrize(
    "columns",
    [{"hole_px": 0}, {"seen_px": 65}, {"away_sum": -1}, {"rim_mismatch": float("nan")}, {"flicker": float("inf")}],
    ids=str,
)
def test_a_quality_that_cannot_be_is_an_error_of_its_patch(columns: dict[str, float]) -> None:
    assert Part(part_with(flicker=1.1)).patch(0) is not None
    with pytest.raises(StoreError, match="the patch of frame 0 cannot be read"):
        Part(part_with(**columns)).patch(0)


def test_patches_so_far_apart_that_no_frame_holds_them_get_no_memory() -> None:
    near = Part(part_with()).patch(0)
    assert near is not None
    far = Part(encode_part([near, replace(near, left=2**31 - 9, top=2**31 - 9)]))
    with pytest.raises(StoreError, match="the patches of frame 0 are too large"):
        far.patch(0)


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
