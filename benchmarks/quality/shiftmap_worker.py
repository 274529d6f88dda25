"""SHIFTMAP on a few frames, in a process that finds opencv-contrib: python -P shiftmap_worker.py IN.npz OUT.npy."""

import sys

import cv2
import numpy as np


def main() -> None:
    given = np.load(sys.argv[1])
    done = [_restored(frame, hole) for frame, hole in zip(given["frames"], given["holes"], strict=True)]
    np.save(sys.argv[2], np.stack(done))


def _restored(frame: "np.ndarray", hole: "np.ndarray") -> "np.ndarray":
    lab = cv2.cvtColor(np.ascontiguousarray(frame[..., ::-1]), cv2.COLOR_BGR2Lab)
    filled = np.empty_like(lab)
    cv2.xphoto.inpaint(lab, (255 * ~hole).astype(np.uint8), filled, cv2.xphoto.INPAINT_SHIFTMAP)  # type: ignore[attr-defined]
    return cv2.cvtColor(filled, cv2.COLOR_Lab2BGR)[..., ::-1]


if __name__ == "__main__":
    main()
