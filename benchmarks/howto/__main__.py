"""Pictures of the how-to pages: a frame of the footage, the mask that was found or drawn, and the restored frame.

    python -m benchmarks.howto [--only remove-a-logo] [--to docs/pictures]

Each is made by reelmend's commands as the page shows them, on the footage of `footage.py`.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from typer.testing import CliRunner

from benchmarks.howto.footage import write_footage
from reelmend.core_model.engine import U8
from reelmend.pipelines.cli import app

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_PANEL_WIDTH = 424
_GAP_PX = 6
_ORANGE = (40, 140, 255)  # BGR
_QUALITY = 82


class Shown(NamedTuple):
    """What a picture shows."""

    masks: str
    """Of `--masks`; empty for a page that needs none."""
    settings: tuple[str, ...]
    frame: int


SHOWN = {
    "remove-a-logo": Shown("overlay", (), 40),
    "remove-subtitles": Shown("text", ("find.text=captions",), 28),
    "remove-a-person": Shown("track:325,228,170,110@2s", ("mask.dilation=6",), 40),
    "remove-a-timestamp": Shown("text:65%,85%,35%,15%", ("mask.persist=2",), 40),
    "repair-scratches": Shown("damage", ("mask.dilation=2",), 50),
    "outpaint": Shown("", ("mode=outpaint", "outpaint.scale_w=1.3333"), 40),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.howto", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(SHOWN), help="make this page's picture alone")
    parser.add_argument("--to", type=Path, default=PICTURES, help="folder to write to")
    arguments = parser.parse_args()
    for page in [arguments.only] if arguments.only else SHOWN:
        with tempfile.TemporaryDirectory() as folder:
            picture = _picture(page, Path(folder))
        arguments.to.mkdir(parents=True, exist_ok=True)
        file = arguments.to / f"{page}.jpg"
        cv2.imwrite(str(file), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        print(f"{file}: {file.stat().st_size // 1000} kB")
    return 0


def _picture(page: str, folder: Path) -> U8:
    """Return the panels side by side, BGR u8 [H, W, 3]."""
    shown = SHOWN[page]
    clip = write_footage(page, folder)
    words = ["--videos", str(clip), *(["--masks", shown.masks] if shown.masks else [])]
    _type_in(["run", *words, "--out", str(folder / "out.mp4"), "run.executor=inline", *shown.settings])
    before, after = _frame(clip, shown.frame), _frame(folder / "out.mp4", shown.frame)
    panels = [before]
    if shown.masks:
        _type_in(["mask", "make", *words, "--out", str(folder / "made"), "run.executor=inline", *shown.settings])
        [made] = (folder / "made").glob("*_mask.mkv")
        mask = _frame(made, shown.frame)[..., 0] > 127
        rim = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~mask
        panels.append(np.where(rim[..., None], np.array(_ORANGE, np.uint8), before))
    small = [_resized(panel, _PANEL_WIDTH) for panel in panels]
    height = small[0].shape[0]
    restored = _resized(after, round(height * after.shape[1] / after.shape[0]))[:height]
    gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
    return np.hstack([part for panel in [*small, restored] for part in (panel, gap)][:-1])


def _resized(picture: U8, width: int) -> U8:
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _type_in(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    if done.exit_code:
        raise SystemExit(f"reelmend {' '.join(words)} ended with {done.exit_code}:\n{done.output}")


def _frame(video: Path, index: int) -> U8:
    capture = cv2.VideoCapture(str(video))
    for _ in range(index + 1):
        read, frame = capture.read()
        if not read:
            raise SystemExit(f"{video} has no frame {index}")
    return np.asarray(frame, np.uint8)


if __name__ == "__main__":
    sys.exit(main())
