"""Contact sheets: what a case looks like, a row a method, a column a moment."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.cases import Case
from benchmarks.quality.measures import psnr_by_frame
from benchmarks.quality.score import Pictures
from reelmend.core_model.engine import U8, Bool

_COLUMNS = 7
_CELL_WIDTH = 240
_AROUND_PX = 24
_SMALLEST, _LARGEST = (90, 120), (150, 200)  # (height, width) of what is shown of a frame
_GAP_PX = 4
_LABEL_PX, _TITLE_PX, _NAMES_PX = 20, 26, 110
_WHITE, _GREEN, _ORANGE = (255, 255, 255), (90, 230, 90), (255, 150, 60)


def write_sheet(folder: Path, case: Case, shown: Pictures) -> Path:
    """Write a case's sheet as PNG; return where."""
    gain_T = np.subtract(*(psnr_by_frame(clip, case.truth, case.masks) for clip in (shown.ours, shown.telea)))
    moments, worst = _moments(case.masks, [*shown.shiftmap], gain_T)
    rows: list[tuple[str, dict[int, U8]]] = [
        ("truth", dict(enumerate(case.truth))),
        ("hidden", {t: _outlined(shown.hidden[t], case.masks[t]) for t in moments}),
        ("Telea", dict(enumerate(shown.telea))),
    ]
    if shown.shiftmap:
        rows.append(("SHIFTMAP +", shown.shiftmap))
    if shown.old is not None:
        rows.append(("old engine", dict(enumerate(shown.old))))
    rows.append(("ours", dict(enumerate(shown.ours))))
    cuts = _cuts(case, shown.ours, moments)
    columns = [_names([name for name, _ in rows], _cell(case.truth[moments[0]], cuts[0]).shape[0])]
    for t, cut in zip(moments, cuts, strict=True):
        cells = [_labelled_cell(clip.get(t), name, t, cut, case) for name, clip in rows]
        column = np.vstack([_title(f"frame {t}{' (worst)' if t == worst else ''}", cells[0].shape[1]), *cells])
        columns += [column, np.zeros((len(column), _GAP_PX, 3), np.uint8)]
    sheet = np.hstack(columns)
    sheet = np.vstack([_title(f"{case.name} ({case.group}); dB inside the hole", sheet.shape[1]), sheet])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.name.replace(',', '').replace(' ', '-')}.png"
    cv2.imwrite(str(path), np.ascontiguousarray(sheet[..., ::-1]))
    return path


def _moments(masks: Bool, wanted: list[int], gain_T: NDArray[np.float64]) -> tuple[list[int], int | None]:
    """SHIFTMAP's frames, the worst against Telea, masked ones spread between, and then those next to masked ones."""
    masked = np.flatnonzero(masks.any((1, 2))).tolist()
    worst = None if np.isnan(gain_T).all() else int(np.nanargmin(gain_T))
    chosen = {*wanted} | ({worst} if worst is not None else set())

    def apart(t: int, others: Iterable[int]) -> int:
        return min((abs(t - other) for other in others), default=0)

    while len(chosen) < min(_COLUMNS, len(masked)):
        chosen.add(max((t for t in masked if t not in chosen), key=lambda t: apart(t, chosen)))
    while len(chosen) < min(_COLUMNS, len(masks)):
        chosen.add(min((t for t in range(len(masks)) if t not in chosen), key=lambda t: apart(t, masked)))
    return sorted(chosen), worst


def _cuts(case: Case, ours: U8, moments: list[int]) -> list[tuple[slice, slice]]:
    """A window of one size around the hole of each moment; of a large hole, where the error is largest."""
    masks, (height, width) = case.masks, case.masks.shape[1:]
    anywhere: Bool = np.asarray(masks.any(0))
    boxes = [_box(masks[t] if masks[t].any() else anywhere) for t in moments]
    high = max(_SMALLEST[0], *(bottom - top + 2 * _AROUND_PX for top, bottom, _, _ in boxes))
    wide = max(_SMALLEST[1], *(right - left + 2 * _AROUND_PX for _, _, left, right in boxes))
    largest = _LARGEST if case.group != "pictures" else (height, width)
    size = (min(height, high, largest[0]), min(width, wide, largest[1]))
    cuts = []
    for t, (top, bottom, left, right) in zip(moments, boxes, strict=True):
        centre = ((top + bottom) // 2, (left + right) // 2)
        if size != (min(height, high), min(width, wide)) and masks[t].any():
            centre = _largest_error(case.truth[t], ours[t], masks[t], size)
        first_row, first_column = (
            int(np.clip(at - side // 2, 0, whole - side))
            for at, side, whole in zip(centre, size, (height, width), strict=True)
        )
        cuts.append((slice(first_row, first_row + size[0]), slice(first_column, first_column + size[1])))
    return cuts


def _largest_error(truth: U8, ours: U8, mask: Bool, size: tuple[int, int]) -> tuple[int, int]:
    """The centre of the window with the largest error."""
    error = np.square(ours.astype(np.float32) - truth).mean(2) * mask + mask * np.float32(1e-3)
    summed = cv2.boxFilter(error, -1, size[::-1], normalize=False, borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(np.argmax(summed)), summed.shape)
    return int(row), int(column)


def _box(mask: Bool) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


def _labelled_cell(frame: U8 | None, name: str, t: int, cut: tuple[slice, slice], case: Case) -> U8:
    if frame is None:
        cell = np.full_like(_cell(case.truth[t], cut), 24)
        return np.vstack([cell, _strip("", cell.shape[1], _WHITE)])
    cell = _cell(frame, cut)
    text, colour = "", _WHITE
    if name in ("Telea", "SHIFTMAP +", "old engine", "ours") and case.masks[t].any():
        text = f"{psnr_by_frame(frame[None], case.truth[t : t + 1], case.masks[t : t + 1])[0]:.1f} dB"
        colour = _GREEN if name == "ours" else _WHITE
    return np.vstack([cell, _strip(text, cell.shape[1], colour)])


def _cell(frame: U8, cut: tuple[slice, slice]) -> U8:
    part = np.ascontiguousarray(frame[cut])
    scale = _CELL_WIDTH / part.shape[1]
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(part, (_CELL_WIDTH, round(part.shape[0] * scale)), interpolation=way), np.uint8)


def _outlined(frame: U8, mask: Bool) -> U8:
    shown = frame.copy()
    rim = (cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~mask
    shown[rim] = _ORANGE
    return shown


def _names(names: list[str], cell_height: int) -> U8:
    blocks = [_title("", _NAMES_PX)]
    for name in names:
        block = np.zeros((cell_height + _LABEL_PX, _NAMES_PX, 3), np.uint8)
        for row, words in enumerate([name, "blending"] if name.endswith("+") else [name]):
            cv2.putText(block, words, (6, cell_height // 2 + 18 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _WHITE, 1, 16)
        blocks.append(block)
    return np.vstack(blocks)


def _title(text: str, width: int) -> U8:
    strip = np.full((_TITLE_PX, width, 3), 40, np.uint8)
    cv2.putText(strip, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _WHITE, 1, cv2.LINE_AA)
    return strip


def _strip(text: str, width: int, colour: tuple[int, int, int]) -> U8:
    strip = np.zeros((_LABEL_PX, width, 3), np.uint8)
    cv2.putText(strip, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return strip
