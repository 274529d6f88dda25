"""`reelmend.restore`: the pixels of a run, from arrays."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import reelmend
from reelmend.core_model.regions import RegionRule, regions_of
from reelmend.pipelines.api.progress import ProgressUpdate
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from tests.clips import U8, moving_box, scene

SMALL_BLOCKS = {"plan.block_length": 8, "plan.overlap": 2, "plan.chunk_length": 8, "plan.shots": False}


def clip(frames: int = 6, size: tuple[int, int] = (96, 64)) -> tuple[NDArray[Any], NDArray[Any]]:
    """A panning scene with a white box moving over it, and the box's masks."""
    masks = moving_box(frames, size)
    return np.where(masks[..., None], np.uint8(255), scene(frames, size)), masks


def restored_by_a_run(folder: Path, frames: NDArray[Any], masks: NDArray[Any], settings: dict[str, Any]) -> U8:
    """Write the clip as PNG, restore it as `reelmend run` does, into PNG, and read that."""
    for name, pictures in (("clip", frames[..., ::-1]), ("masks", masks.astype(np.uint8) * 255)):
        (folder / name).mkdir()
        for index, picture in enumerate(pictures):
            cv2.imwrite(str(folder / name / f"{index:03}.png"), picture)
    paths = {"input.videos": [str(folder / "clip")], "input.masks": str(folder / "masks"), "out": str(folder / "out")}
    job = load_job(flags=paths | {"stitch.codec": "png", "run.executor": "inline"} | settings)
    assert run_job(job, SilentDisplay()).exit_status == 0
    return np.stack([read_rgb(path) for path in sorted((folder / "out" / "clip").glob("*.png"))])


def read_rgb(path: Path) -> U8:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)[..., ::-1]


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        ((96, 64), {}),
        ((768, 128), {}),
        ((768, 128), {"process.max_side": 576, "flow.max_side": 160}),
        ((96, 64), {"mode": "outpaint", "outpaint.scale_w": 1.25}),
    ],
    ids=["whole frames", "a region", "a region restored smaller", "outpainting"],
)
def test_arrays_become_the_very_pixels_that_a_run_writes_losslessly(
    tmp_path: Path, size: tuple[int, int], settings: dict[str, Any]
) -> None:
    """Of a clip of two blocks, which are cross-faded."""
    frames, masks = clip(12, size)
    rule = RegionRule().with_margin(171)
    assert bool(regions_of(np.logical_or.reduce(masks), rule)) is (size == (768, 128)), "only a part is worked on"
    expected = restored_by_a_run(tmp_path, frames, masks, SMALL_BLOCKS | settings)
    restored = reelmend.restore(frames, masks, settings=SMALL_BLOCKS | settings)
    assert restored.dtype == np.uint8
    assert np.array_equal(restored, expected)


def test_shots_are_found_as_a_run_finds_them(tmp_path: Path) -> None:
    frames, masks = clip(36)
    frames[18:] = np.where(masks[18:, ..., None], 255, scene(18, seed=5) // 3)
    blocks = {"plan.block_length": 16, "plan.overlap": 4}  # two in each shot, three in all if the cut were not seen
    expected = restored_by_a_run(tmp_path, frames, masks, blocks)
    assert np.array_equal(reelmend.restore(frames, masks, settings=blocks), expected)
    assert not np.array_equal(reelmend.restore(frames, masks, settings=blocks | {"plan.shots": False}), expected)


def test_only_the_grown_mask_changes_and_the_arguments_do_not() -> None:
    frames, masks = clip()
    frames.flags.writeable = masks.flags.writeable = False
    before = frames.copy()
    restored = reelmend.restore(frames, masks)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown = np.stack([cv2.dilate(mask.astype(np.uint8), cross, iterations=4) > 0 for mask in masks])
    assert np.array_equal(restored[~grown], frames[~grown])
    assert (restored[masks] < 255).mean() > 0.99, "the white box is gone"
    assert np.array_equal(frames, before)


def test_frames_come_from_anything_that_yields_them_and_one_mask_is_for_all() -> None:
    frames, masks = clip(4)
    still = masks[0]
    expected = reelmend.restore(frames, np.repeat(still[None], 4, axis=0))
    assert np.array_equal(reelmend.restore((frame for frame in frames), still), expected)
    assert np.array_equal(reelmend.restore(list(frames), still.astype(np.uint8)), expected), "labels 0 and 1"
    assert np.array_equal(reelmend.restore(np.asfortranarray(frames), still.astype(np.uint8) * 255), expected)


def test_a_clip_of_one_frame_is_restored() -> None:
    frames, masks = clip(1)
    assert (reelmend.restore(frames, masks)[masks] < 255).mean() > 0.99


def test_frames_without_a_masked_pixel_come_back_as_a_copy_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    frames, masks = clip(3)
    restored = reelmend.restore(frames, np.zeros_like(masks))
    assert np.array_equal(restored, frames)
    assert not np.shares_memory(restored, frames)
    assert "the mask is empty: the frames are returned unchanged" in caplog.text


def test_a_mask_that_may_be_inverted_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    frames, masks = clip(2)
    reelmend.restore(frames, np.ones_like(masks))
    assert "White is removed, black is kept" in caplog.text


F, M = clip(4)
WRONG = {
    "float frames": (F / 255.0, M, r"got float64 \[4, 64, 96, 3\]; convert with np.rint\(frames \* 255\)"),
    "float frames up to 255": (F.astype(np.float32), M, r"convert with np.rint\(frames\).clip"),
    "16 bits": (F.astype(np.uint16), M, r"\(frames >> 8\)"),
    "one frame": (F[0], M[0], r"for a single frame pass frames\[None\]"),
    "no frame": (F[:0], M, r"there are no frames"),
    "an empty generator": (iter(()), M, r"frames: empty; give at least one frame"),
    "grey": (F[..., 0], M, r"np.repeat"),
    "alpha": (np.dstack([F[0], F[0, ..., :1]])[None], M[0], r"leave out the alpha channel: frames\[..., :3\]"),
    "channels first": (F.transpose(0, 3, 1, 2), M, r"frames.transpose\(0, 2, 3, 1\)"),
    "frames of two sizes": (
        [F[0], F[1, :32]],
        M[0],
        r"number 1 has shape \[32, 96, 3\], those before it \[64, 96, 3\]",
    ),
    "a path": ("clip.mp4", M, r"for files use reelmend.restore_video"),
    "no masks": (F, None, r"masks: expected an array, got NoneType; inpainting needs masks"),
    "masks of another length": (F, M[:3], r"got bool \[3, 64, 96\]; give one mask for each of the 4 frames"),
    "masks of another size": (F, M[:, :32], r"resize the masks to the size of the frames"),
    "width before height": (F, M.transpose(0, 2, 1), r"height comes before width: masks.swapaxes\(-1, -2\)"),
    "float masks": (F, M.astype(float), r"convert with masks > 0.5"),
    "masks with a last axis": (F, M[..., None], r"masks\[..., 0\]"),
    "colour masks": (F, np.repeat(M[..., None], 3, -1), r"a mask has no colour channels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arrays_are_refused_with_how_to_convert_them(case: str) -> None:
    frames, masks, message = WRONG[case]
    with pytest.raises(reelmend.ArrayError, match=message):
        reelmend.restore(frames, masks)


@pytest.mark.parametrize("fps", [0, -25, float("nan"), "25"])
def test_an_impossible_frame_rate_is_refused(fps: Any) -> None:
    with pytest.raises(ValueError, match="fps: expected a positive number"):
        reelmend.restore(F, M, fps=fps)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask.dilatation": 2}, r"no such setting \(settings\); did you mean mask.dilation"),
        ({"mask.dilation": "much"}, r"mask.dilation: 'much' is not a whole number \(settings\)"),
        ({"stitch.codec": "ffv1"}, r"settings: stitch.codec has no effect on arrays; only settings of mode"),
        ({"engine": "propainter"}, r"pass the engine as an argument"),
    ],
)
def test_a_setting_that_cannot_hold_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(reelmend.ConfigError, match=message):
        reelmend.restore(F, M, settings=settings)


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(reelmend.ConfigError, match="engine: 'magic' is not"):
        reelmend.restore(F, M, "magic")


def test_progress_grows_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmend.pipelines.api.progress.EVERY_S", 0.0)
    frames, masks = clip(10)
    told: list[ProgressUpdate] = []
    reelmend.restore(frames, masks, progress=told.append, settings=SMALL_BLOCKS)
    assert [update.fraction for update in told] == sorted(update.fraction for update in told)
    assert [*dict.fromkeys(update.stage for update in told)] == ["probe", "inpaint", "done"]
    assert (told[-1].fraction, told[-1].frames, told[-1].seconds_left, told[-1].items_done) == (1.0, 10, 0.0, 1)
    assert any(0.1 < update.fraction < 0.9 and update.seconds_left for update in told)


def test_an_error_of_the_progress_function_ends_the_call_and_the_next_one_works() -> None:
    def stop(update: ProgressUpdate) -> None:
        raise InterruptedError("the window was closed")

    with pytest.raises(InterruptedError, match="the window was closed"):
        reelmend.restore(F, M, progress=stop)
    assert reelmend.restore(F, M).shape == F.shape


def test_calls_from_several_threads_give_the_same_pixels() -> None:
    expected = reelmend.restore(F, M)
    got = []
    threads = [threading.Thread(target=lambda: got.append(reelmend.restore(F, M))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3
    assert all(np.array_equal(each, expected) for each in got)


def test_nothing_is_written_or_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reelmend.restore(F, M)
    assert [*tmp_path.iterdir()] == []
    assert capfd.readouterr() == ("", "")
