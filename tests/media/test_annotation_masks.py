"""Annotation files as masks: polygons and run-length codes of COCO and YouTube-VIS, pixels worked out by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError, OverLimit
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.annotations import read_annotations
from reelmend.pipelines.media.masks.reader import inspect_masks, read_masks
from tests.clips import write_clip

BOX = {"size": [4, 6], "counts": [5, 2, 2, 2, 13]}
"""Rows 1 and 2 of columns 1 and 2: runs go down the columns of four."""
IMAGES = [
    {"id": 7, "file_name": "00010.jpg", "width": 6, "height": 4},
    {"id": 3, "file_name": "00002.jpg", "width": 6, "height": 4},
]
POLYGON = [[1, 1, 3, 1, 3, 3, 1, 3]]


def written(folder: Path, content: Any) -> Path:
    (folder / "mask.json").write_text(json.dumps(content))
    return folder / "mask.json"


def pixels(levels: Any) -> set[tuple[int, int]]:
    rows, columns = np.nonzero(levels)
    return {(int(row), int(column)) for row, column in zip(rows, columns, strict=True)}


def test_a_run_length_code_goes_down_the_columns(tmp_path: Path) -> None:
    found = read_annotations(written(tmp_path, [None, BOX]))
    assert (found.size, found.frames) == ((6, 4), 2)
    assert found.levels(0) is None
    assert pixels(found.levels(1)) == {(1, 1), (2, 1), (1, 2), (2, 2)}


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("5222=", [5, 2, 2, 4, 15]),  # from the fourth on, differences: 2 + 2, 2 + 13
        ("P1", [32]),  # two groups: 0 with another to follow, then 1
        ("222N", [2, 2, 2, 0]),  # 30 of five bits is -2
    ],
)
def test_a_run_length_code_may_be_text(tmp_path: Path, text: str, counts: list[int]) -> None:
    height, width = sum(counts), 1
    codes = [{"size": [height, width], "counts": given} for given in (text, counts)]
    found = read_annotations(written(tmp_path, codes))
    first, second = found.levels(0), found.levels(1)
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


def test_images_of_coco_are_ordered_by_the_numbers_in_their_names(tmp_path: Path) -> None:
    polygon = {"image_id": 7, "category_id": 1, "segmentation": POLYGON}
    box = {"image_id": 3, "category_id": 2, "segmentation": BOX}
    path = written(tmp_path, {"images": IMAGES, "annotations": [polygon, box]})
    found = read_annotations(path)
    assert pixels(found.levels(0)) == {(1, 1), (2, 1), (1, 2), (2, 2)}  # 00002.jpg
    assert {(1, 1), (2, 2)} <= pixels(found.levels(1))
    assert read_annotations(path, label=2).levels(1) is None


def test_a_video_of_youtube_vis_has_a_code_per_frame(tmp_path: Path) -> None:
    videos = [{"id": 1, "width": 6, "height": 4, "length": 3}]
    one = {"video_id": 1, "category_id": 1, "segmentations": [None, BOX, BOX]}
    found = read_annotations(written(tmp_path, {"videos": videos, "annotations": [one]}))
    assert [found.levels(frame) is not None for frame in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": IMAGES}, "not in the format of COCO"),
        ({"shapes": []}, "neither images"),
        ([None], "no frame has a region"),
        ({"videos": [{}, {}], "annotations": []}, "annotates 2 videos"),
        ({"images": [IMAGES[0], {**IMAGES[1], "width": 8}], "annotations": []}, "2 sizes"),
    ],
)
def test_another_format_is_refused_with_what_it_lacks(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read_annotations(written(tmp_path, content))


@pytest.mark.parametrize("counts", [[1, 2], [25], "~~~", [-1, 25]])
def test_a_code_that_does_not_fill_its_picture_is_refused(tmp_path: Path, counts: Any) -> None:
    found = read_annotations(written(tmp_path, [{"size": [4, 6], "counts": counts}]))
    with pytest.raises(MaskError, match="a region of frame 0 is not valid"):
        found.levels(0)


def test_a_picture_larger_than_the_limit_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "0.jpg", "width": 320_000_000, "height": 180_000_000}]
    path = written(tmp_path, {"images": images, "annotations": []})
    with pytest.raises(OverLimit, match="an annotated picture of 320000000x180000000 pixels"):
        read_annotations(path)


@pytest.mark.parametrize("corner", [float("nan"), 1e300])
def test_a_corner_that_is_nowhere_is_refused(tmp_path: Path, corner: float) -> None:
    annotation = {"image_id": 7, "segmentation": [[1, 1, corner, 1, 3, 3]]}
    found = read_annotations(written(tmp_path, {"images": IMAGES[:1], "annotations": [annotation]}))
    with pytest.raises(MaskError, match="is not a place in the picture"):
        found.levels(0)


def test_a_video_is_masked_by_its_annotations(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "clip.mkv", 3, codec="ffv1", audio=False))
    size = [info.height, info.width]
    code = {"size": size, "counts": [info.height * 10 + 5, 4, size[0] * size[1] - info.height * 10 - 9]}
    path = written(tmp_path, [None, code, None])
    config = MaskConfig(dilation=0)
    assert inspect_masks(path, info, config).masked == ((1, 2),)
    masks = list(read_masks(path, info, config, 0, 3))
    assert [pixels(mask) for mask in masks] == [set(), {(row, 10) for row in range(5, 9)}, set()]
    with pytest.raises(MaskError, match="annotates 2 frames"):
        inspect_masks(written(tmp_path, [None, code]), info, config)
