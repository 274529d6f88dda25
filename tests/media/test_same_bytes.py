"""The same frames become the same bytes, whatever a process's memory held before."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.media.encoder_options import encoder_threads

# Sizes whose macroblocks are no multiple of 8 in a row, lines that no vector register fills, and formats of every way
# into an encoder: as it is, from RGB, from grey, from more bits.
KINDS = [
    ("h264", "yuv420p", 320, 240), ("h264", "yuv422p10le", 98, 66),
    ("h264", "rgb24", 98, 66), ("h264", "gbrp10le", 98, 66), ("h265", "yuv420p", 98, 66), ("h265", "gbrp10le", 98, 66),
    ("ffv1", "gbrp12le", 98, 66), ("ffv1", "yuv420p", 98, 66), ("prores", "rgb24", 98, 66),
    ("prores", "yuv422p10le", 98, 66), ("png", "yuv420p", 98, 66), ("png", "gbrp10le", 98, 66),
]  # fmt: skip


def digests(perturbed: int) -> dict[tuple[str, str, int, int], str]:
    script = Path(__file__).with_name("write_and_digest.py")
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(KINDS)],
        capture_output=True, text=True, check=True, env=os.environ | {"MALLOC_PERTURB_": str(perturbed)},
    )  # fmt: skip
    return dict(zip(KINDS, done.stdout.split(), strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="MALLOC_PERTURB_ is glibc's")
def test_every_codec_writes_the_same_bytes_in_memory_of_any_content() -> None:
    assert digests(85) == digests(165)


def test_h264_of_more_than_eight_bits_uses_one_thread() -> None:
    """With two, x264 writes other bytes about once in forty times."""
    threads = {form: encoder_threads(Codec.h264, form) for form in ("yuv420p", "yuv420p10le", "gray10le", "yuv444p")}
    assert threads == {"yuv420p": 2, "yuv420p10le": 1, "gray10le": 1, "yuv444p": 2}
    assert encoder_threads(Codec.h265, "yuv420p10le") == 2
