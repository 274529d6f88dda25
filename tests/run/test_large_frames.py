"""A 4K source with ProPainter: worked on at the size that the job says, and nothing else of it is touched."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.pipelines.choices import Precision
from reelmend.pipelines.config import ProPainterConfig
from tests.clips import Size, write_clip, write_mask_image
from tests.jobs import finish, lossless_job, planes

SIZE: Size = (3840, 2160)
TOP, LEFT, HEIGHT, WIDTH = 1000, 1800, 200, 300


@pytest.mark.slow
def test_a_4k_clip_is_restored_at_a_smaller_size_from_flow_that_is_smaller_still(
    tmp_path: Path, weights: dict[str, str]
) -> None:
    (tmp_path / "in").mkdir()
    small = np.random.default_rng(0).integers(0, 256, (2, SIZE[1] // 40, SIZE[0] // 40, 3), np.uint8)
    source = write_clip(
        tmp_path / "in/large.mp4",
        pictures=small.repeat(40, 1).repeat(40, 2),
        audio=False,
        options={"preset": "ultrafast"},
    )
    mask = np.zeros(SIZE[::-1], np.bool_)
    mask[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] = True
    write_mask_image(tmp_path / "in/large_mask.png", mask)
    job = lossless_job(tmp_path)
    job.engine, job.mask.dilation = "propainter", 0
    job.process.max_side, job.flow.max_side = 160, 80
    networks: dict[str, Any] = {**weights}
    job.propainter = ProPainterConfig(**networks, raft_iterations=1, precision=Precision.fp32)
    _, rows = finish(job)
    assert (rows["large"].state, rows["large"].width, rows["large"].height) == ("restored", *SIZE)
    before, after = (np.stack(planes(path))[:, : SIZE[1]] for path in (source, tmp_path / "out/large.mkv"))
    changed = before != after
    assert not (changed & ~mask).any()
    assert changed[:, mask].mean() > 0.9
