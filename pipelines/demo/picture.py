"""Picture for the README: one moment of the demo, before, mask, restored, truth."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.demo.scene import Moment
from reelmend.pipelines.storage.local_files import write_atomically

U8 = NDArray[np.uint8]
GAP_PX, LABEL_PX = 8, 26
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def write_picture(path: Path, moment: Moment, restored_HWC: U8) -> None:
    """Write the four panels, two by two, as a PNG. Raises StoreError."""
    panels = [
        _panel(moment.shown, "before"),
        _panel(_show_mask(moment), "mask"),
        _panel(restored_HWC, "restored by reelmend"),
        _panel(moment.truth, "truth"),
    ]
    sheet = np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])])
    framed = cv2.copyMakeBorder(sheet, 0, GAP_PX, GAP_PX, 0, cv2.BORDER_CONSTANT, value=_PAPER)
    png = cv2.imencode(".png", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    write_atomically(path, png.tobytes())


def _show_mask(moment: Moment) -> U8:
    """White where the mask is, over the darkened frame."""
    return np.where(moment.mask[..., None], 255, moment.shown // 3).astype(np.uint8)


def _panel(picture_HWC: U8, label: str) -> U8:
    """Put a label above the picture, and the gap to its neighbour at its right."""
    border = (LABEL_PX, 0, 0, GAP_PX)
    panel = np.asarray(cv2.copyMakeBorder(picture_HWC, *border, cv2.BORDER_CONSTANT, value=_PAPER), np.uint8)
    cv2.putText(panel, label, (0, LABEL_PX - 8), cv2.FONT_HERSHEY_DUPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return panel
