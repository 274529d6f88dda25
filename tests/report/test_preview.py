"""The pictures of an item: the hole large enough to be judged, before and after, in motion and now and then."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from reelmend.core_model.quality import NO_HOLE
from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.boxes import Box, bounding_box
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.reader import inspect_masks
from reelmend.pipelines.stages.parts import cut_patch
from reelmend.pipelines.stages.preview_strip import MOST_BYTES, MOVING, PreviewMaker
from reelmend.pipelines.stages.previews import FOLDER, Sheet, kind_of, load_preview, sheet_of
from reelmend.pipelines.stages.zoom import cell_size, union, zoom
from reelmend.pipelines.storage.files import Files
from tests.clips import U8, Bool, write_clip, write_images, write_mask_image
from tests.jobs import add_item, finish, lossless_job

SIZE = (640, 360)
LOGO = (560, 20, 620, 50)


@dataclass
class Told:
    """What is known ahead: the holes, and at which frame the maker hears of which worst moment."""

    boxes: list[Box | None]
    worst: dict[int, tuple[float, int]]
    index: int = -1

    def worst_to_come(self) -> tuple[float, int] | None:
        return self.worst.pop(self.index, None)

    def hole_over(self, start: int, stop: int) -> Box | None:
        nothing: Box | None = None
        return reduce(union, self.boxes[start:stop], nothing)


@dataclass
class Pictures:
    """What a maker left in a folder."""

    sheet: Sheet
    picture: U8
    outline: U8
    bytes: int = field(default=0)

    def cell(self, number: int, *, after: bool = False) -> U8:
        cells = len(self.sheet.moments) + self.sheet.moving
        rows = -(-cells // self.sheet.columns)
        return _at(self.picture, number + after * rows * self.sheet.columns, self.sheet)

    def line(self, number: int) -> Bool:
        """Where the outline of a cell is drawn, bool."""
        line: Bool = _at(self.outline, number, self.sheet)[..., 3] == 255
        return line


def _at(sheet: U8, number: int, told: Sheet) -> U8:
    top, left = number // told.columns * told.step[1], number % told.columns * told.step[0]
    return sheet[top : top + told.size[1], left : left + told.size[0]]


def made(
    folder: Path,
    before: U8,
    masks: Bool,
    *,
    worst: Sequence[tuple[int, tuple[float, int]]] = ((0, (0.5, 20)),),
    shots: Sequence[tuple[int, int]] = (),
    rotation: int = 0,
) -> Pictures:
    """Show a maker the frames, whose holes become green."""
    count, height, width = masks.shape
    folder.mkdir(exist_ok=True)
    clip = inspect_video(write_clip(folder / "a.mkv", 2, (16, 16), codec="ffv1", pix_fmt="bgr0", audio=False))
    info = replace(clip, width=width, height=height, frames=count, rotation=rotation)
    still = (masks == masks[0]).all()
    mask = write_mask_image(folder / "m.png", masks[0]) if still else write_images(folder / "m", masks)
    boxes = [bounding_box(mask) for mask in masks]
    told = Told(boxes, dict(worst))
    maker = PreviewMaker(info, inspect_masks(mask, info, MaskConfig(dilation=0)), shots, told)
    for index in range(count):
        told.index = index
        after = np.where(masks[index][..., None], np.array([0, 160, 0], np.uint8), before[index])
        shown, restored = (
            av.VideoFrame.from_ndarray(np.ascontiguousarray(each), "rgb24") for each in (before[index], after)
        )
        maker.see(index, shown, restored, cut_patch(index, after, masks[index], NO_HOLE))
    facts = maker.save(folder, Files())
    sheet = sheet_of(facts)
    assert sheet is not None
    picture, outline = (_read(folder / FOLDER / name) for name in (sheet.picture, sheet.outline))
    return Pictures(sheet, picture, outline, bytes=int(facts["preview_bytes"]))


def _read(path: Path) -> U8:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return picture.astype(np.uint8, copy=False)


def still(frames: int = 40, box: Box = LOGO, size: tuple[int, int] = SIZE) -> tuple[U8, Bool]:
    """A grey clip with a red box, and the box."""
    masks = np.zeros((frames, size[1], size[0]), np.bool_)
    masks[:, box[1] : box[3], box[0] : box[2]] = True
    return np.where(masks[..., None], np.array([200, 0, 0], np.uint8), np.array([90, 90, 90], np.uint8)), masks


def test_a_logo_in_a_corner_is_shown_large_before_and_after(tmp_path: Path) -> None:
    pictures = made(tmp_path, *still())
    for number in (0, 20):
        before, after = pictures.cell(number).astype(int), pictures.cell(number, after=True).astype(int)
        assert 0.08 < (before[..., 2] - before[..., 0] > 100).mean() < 0.5
        assert 0.08 < (after[..., 1] - after[..., 0] > 80).mean() < 0.5
    assert (pictures.sheet.moving, len(pictures.sheet.moments)) == (MOVING, 8)


def test_the_outline_runs_around_the_hole_and_not_over_it(tmp_path: Path) -> None:
    pictures = made(tmp_path, *still())
    line, red = pictures.line(3), pictures.cell(3).astype(int)
    hole = red[..., 2] - red[..., 0] > 150
    assert line.any()
    assert not (line & hole).any()
    around = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (around & line).sum() == line.sum()


def test_a_moving_hole_stays_in_a_view_that_stands_still(tmp_path: Path) -> None:
    before, masks = still()
    before[:], masks[:] = 90, False
    before[:, 150:152, :] = before[:, :, 300:302] = 255  # a cross that stands still
    for index in range(40):
        masks[index, 140:180, 200 + 3 * index : 240 + 3 * index] = True
    pictures = made(tmp_path, before, masks)
    cells = [pictures.cell(8 + number).astype(int) for number in range(MOVING)]
    assert max(np.abs(cell - cells[0]).mean() for cell in cells) < 2
    lines = [np.argwhere(pictures.line(8 + number))[:, 1].mean() for number in range(MOVING)]
    assert np.all(np.diff(lines) > 0)


@pytest.mark.parametrize(
    ("worst", "shots", "start", "moving"),
    [
        ([(0, (0.5, 30))], (), 18, MOVING),
        ([(0, (0.5, 30)), (40, (0.6, 60))], (), 18, MOVING),
        ([(0, (0.5, 30)), (40, (0.4, 60))], (), 48, MOVING),
        ([(0, (0.5, 20)), (10, (0.4, 25)), (40, (0.45, 60))], (), 13, MOVING),
        ([(0, (0.5, 30)), (40, (0.4, 44))], (), 40, MOVING),
        ([(0, (0.5, 30))], ((0, 26), (26, 36), (36, 80)), 26, 10),
        ([(0, (0.5, 79))], (), 80 - MOVING, MOVING),
        ([], (), 0, 0),
    ],
)
def test_motion_shows_the_worst_moment_that_is_heard_of_within_its_shot(
    worst: list[tuple[int, tuple[float, int]]],
    shots: Sequence[tuple[int, int]],
    start: int,
    moving: int,
    tmp_path: Path,
) -> None:
    before, masks = still(80, box=(90, 8, 110, 20), size=(128, 96))
    sheet = made(tmp_path, before, masks, worst=worst, shots=shots).sheet
    assert (sheet.start, sheet.moving) == (start, moving)


def test_pictures_that_compress_badly_stay_within_their_budget(tmp_path: Path) -> None:
    _, masks = still(40, box=(0, 0, 300, 300))
    noise = np.random.default_rng(0).integers(0, 255, (40, SIZE[1], SIZE[0], 3), np.uint8)
    pictures = made(tmp_path, noise, masks)
    on_disk = sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir())
    assert on_disk == pictures.bytes <= MOST_BYTES


@pytest.mark.parametrize("size", [(16, 16), (33, 21), (1000, 40), (40, 1000)])
def test_pictures_of_any_size_and_holes_as_large_as_the_frame(size: tuple[int, int], tmp_path: Path) -> None:
    pictures = made(tmp_path, *still(3, box=(0, 0, *size), size=size), worst=[(0, (0.5, 1))])
    assert pictures.sheet.moving == 3
    assert (pictures.cell(0)[1:-1, 1:-1, 2] > 150).all()


def test_a_turned_video_is_shown_upright(tmp_path: Path) -> None:
    before, masks = still(box=(20, 20, 120, 50))
    pictures = made(tmp_path, before, masks, rotation=90)
    width, height = pictures.sheet.size
    assert width < height
    assert pictures.sheet.whole[0] < pictures.sheet.whole[1]


def test_a_view_surrounds_its_hole_and_stays_in_the_frame() -> None:
    for hole in (LOGO, (0, 0, 8, 8), (300, 0, 310, 360), (10, 330, 630, 355), (0, 0, *SIZE)):
        cell = cell_size(hole, SIZE, 44_000)
        left, top, right, bottom = zoom(hole, SIZE, cell)
        assert 0 <= left <= hole[0] + 1
        assert hole[2] - 1 <= right <= SIZE[0]
        assert 0 <= top <= hole[1] + 1
        assert hole[3] - 1 <= bottom <= SIZE[1]
        assert cell[0] * cell[1] < 46_000
        assert (right - left) / (bottom - top) == pytest.approx(cell[0] / cell[1], rel=0.05)


def test_a_run_leaves_the_pictures_that_its_ledger_tells_of(tmp_path: Path) -> None:
    add_item(tmp_path, "clip", frames=26)
    _, rows = finish(lossless_job(tmp_path))
    sheet = sheet_of(rows["clip"].facts)
    assert sheet is not None
    assert (sheet.moving, sheet.rate, sheet.moments[0], sheet.moments[-1]) == (MOVING, 25.0, 0, 25)
    assert sheet.start <= int(rows["clip"].facts["quality_worst_frame"]) < sheet.start + sheet.moving
    work = tmp_path / "out/_reelmend"
    for name, kind in ((sheet.picture, "image/jpeg"), (sheet.outline, "image/png")):
        assert load_preview(work, name, Files())
        assert kind_of(name) == kind
