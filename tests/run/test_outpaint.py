"""A larger picture: the source in the middle as it was, and around it what the camera showed at other times."""

import numpy as np
import pytest
from clips import scene, write_clip
from jobs import finish, lossless_job

from pipelines.config import Mode, OutpaintConfig
from pipelines.media.info import inspect_video
from pipelines.media.reader import read_frames, to_rgb


def outpaint_job(folder, scale_w=1.5, scale_h=1.5, out="out"):
    job = lossless_job(folder, out)
    job.mode, job.outpaint = Mode.outpaint, OutpaintConfig(scale_w, scale_h)
    return job


def rgb_of(path):
    info = inspect_video(path)
    return np.stack([to_rgb(frame, info) for frame in read_frames(info, 0, info.frames)])


def psnr(pictures, truth, where):
    error = (pictures.astype(float) - truth)[:, where]
    return 10 * np.log10(255**2 / np.square(error).mean())


def test_what_a_pan_showed_before_and_after_is_found_again(tmp_path):
    (tmp_path / "in").mkdir()
    truth = scene(40, (120, 80), speed=(2, 0))
    write_clip(tmp_path / "in/pan.mp4", pictures=truth[:, 8:72, 12:108], options={"crf": "8"})
    summary, rows = finish(outpaint_job(tmp_path, 1.25, 1.25))
    assert summary.exit_status == 0, rows
    restored = rgb_of(tmp_path / "out/pan.mkv")
    assert restored.shape == truth.shape
    print(psnr(restored, truth, np.ones((80,120),bool)))
    import cv2
    cv2.imwrite("/tmp/op_pan.png", np.concatenate([cv2.resize(np.concatenate([restored[i], truth[i]],1),None,fx=4,fy=4,interpolation=0) for i in (2,20,38)])[...,::-1])
