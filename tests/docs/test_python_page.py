"""The Python of docs/python.md does what a reader expects, block after block, as in a notebook."""

from pathlib import Path

import numpy as np
import pytest

from tests.clips import moving_box, write_clip, write_mask_image
from tests.docs.blocks import blocks_of

PAGE = "docs/python.md"


def test_the_blocks_of_the_page_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "clip_0042.mp4", frames=3, size=(64, 48))
    mask = moving_box(1, (64, 48))[0]
    for place in ("mask.png", "masks/clip_0042.png"):
        write_mask_image(tmp_path / place, mask)
    names: dict[str, object] = {}
    ran = [block for block in blocks_of(PAGE) if block.language == "python" and not block.mark]
    for block in ran:
        exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), names)
    assert len(ran) > 6
    assert isinstance(names["restored"], np.ndarray)
    shown = capsys.readouterr().out
    assert "done: 100%, 3 frames, 0 s left" in shown
    assert "restored" in shown
    assert "clip_0042" in shown
