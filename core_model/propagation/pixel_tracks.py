"""Tracks of missing pixels: where each is visible in other frames.

A pass visits the frames of a block in one order and follows each missing pixel along its layer's motion until a frame
shows it: not masked there, and moving as the layer does. Positions stay exact to fractions of a pixel however long the
way, and the colour is sampled once, at its end: no blur builds up.

Legend: T frames, H W height and width, h w those of the flow, N the asked pixels of all frames, frame after frame.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import Bool
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.hole_motion import HoleMotion

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

RIM_PX = 5
"""Known pixels this close to a hole are followed as well: what is found for them tells how good it is."""


class Asked(NamedTuple):
    """The pixels that are followed: a block's holes and their rims, in row-major order within each frame."""

    first: NDArray[np.int64]
    """[T+1]: where each frame's begin."""
    rows: I32
    columns: I32
    """[N]"""
    missing: Bool
    """[N]: masked, not rim."""


class Tracks(NamedTuple):
    """The way from each asked pixel to where it is seen, in one direction of time and on one layer."""

    away: NDArray[np.int16]
    """[N] frames, negative for earlier ones; 0: not seen."""
    x: F32
    y: F32
    """[N] where in that frame, in pixels."""


def ask(masks_THW: Bool) -> Asked:
    """List a block's masked pixels and their rims."""
    rows: list[I32] = []
    columns: list[I32] = []
    missing: list[Bool] = []
    first = [0]
    square = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    for t, mask in enumerate(masks_THW):
        if t and np.array_equal(mask, masks_THW[t - 1]):
            found = (rows[-1], columns[-1], missing[-1])
        elif mask.any():
            y, x = np.nonzero(cv2.dilate(mask.view(np.uint8), square))
            found = (y.astype(np.int32), x.astype(np.int32), mask[y, x])
        else:
            found = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.bool_))
        rows.append(found[0])
        columns.append(found[1])
        missing.append(found[2])
        first.append(first[-1] + len(found[0]))
    return Asked(np.array(first, np.int64), np.concatenate(rows), np.concatenate(columns), np.concatenate(missing))


def find_other(masks_THW: Bool, motion: HoleMotion, flow_fwd: F32, flow_bwd: F32, layer: int) -> NDArray[np.uint8]:
    """Return [T, h, w]: 1 where a frame shows something that does not move as the layer does, near the block's holes.

    Where flow is not the scene's, close to holes, nothing is known: 0.
    """
    frames, height, width = len(masks_THW), *flow_fwd.shape[2:]
    other = np.zeros((frames, height, width), np.uint8)
    if frames > 1:
        rows, columns = np.flatnonzero(motion.holes.any((0, 2))), np.flatnonzero(motion.holes.any((0, 1)))
        if len(rows):
            area = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
            scale = (masks_THW.shape[2] / width, masks_THW.shape[1] / height)
            _find_other(
                flow_fwd, flow_bwd, motion.models, motion.valid, motion.holes, motion.near, layer, area, *scale, other
            )
    return other


def follow(
    masks_THW: Bool, asked: Asked, motion: HoleMotion, other_Thw: NDArray[np.uint8], layer: int, direction: int
) -> Tracks:
    """Follow the asked pixels of every frame to later (direction 1) or earlier (-1) ones."""
    count = int(asked.first[-1])
    tracks = Tracks(np.zeros(count, np.int16), np.zeros(count, np.float32), np.zeros(count, np.float32))
    if len(masks_THW) > 1:
        there, back = motion.models[0 if direction == 1 else 1], motion.models[1 if direction == 1 else 0]
        asked_for = asked.first, asked.rows, asked.columns
        _follow(masks_THW, *asked_for, there, back, motion.valid, motion.holes, other_Thw, layer, direction, *tracks)
    return tracks


def lead_rim(tracks: Tracks, asked: Asked, masks_THW: Bool, shown_THW: Bool | None = None) -> None:
    """Let every rim pixel be looked for beside where the missing pixel next to it is seen, in the same frame.

    Left to itself a rim pixel is seen in the very next frame, and tells nothing of the frame the hole is filled from.
    `shown` says where a frame shows the layer; None: wherever it is not masked.
    """
    nearest = np.zeros(len(asked.rows), np.int64)
    for t in range(len(masks_THW)):
        a, b = int(asked.first[t]), int(asked.first[t + 1])
        if a == b:
            continue
        if t and np.array_equal(masks_THW[t], masks_THW[t - 1]):
            before = int(asked.first[t - 1])
            nearest[a:b] = nearest[before : before + b - a] + (a - before)
            continue
        rows, columns = asked.rows[a:b], asked.columns[a:b]
        window = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
        mask = np.ascontiguousarray(masks_THW[t][window]).view(np.uint8)
        _, labels = cv2.distanceTransformWithLabels(1 - mask, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
        of_label = np.zeros(int(labels.max()) + 1, np.int64)
        of_label[labels[mask > 0]] = a + np.flatnonzero(asked.missing[a:b])
        nearest[a:b] = of_label[labels[rows - window[0].start, columns - window[1].start]]
    shown = masks_THW if shown_THW is None else shown_THW
    _lead_rim(shown, shown_THW is not None, asked.first, asked.rows, asked.columns, asked.missing, nearest, *tracks)


@compiled
def _lead_rim(shown, says_shown, first, rows, columns, missing, nearest, away, to_x, to_y):  # type: ignore[no-untyped-def]
    frames, height, width = shown.shape
    for t in range(frames):
        for n in range(first[t], first[t + 1]):
            if missing[n]:
                continue
            q = nearest[n]
            away[n] = 0
            if away[q] == 0:
                continue
            x, y = to_x[q] + (columns[n] - columns[q]), to_y[q] + (rows[n] - rows[q])
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                continue
            if shown[t + away[q], int(np.rint(y)), int(np.rint(x))] == says_shown:
                away[n], to_x[n], to_y[n] = away[q], x, y


@compiled
def _find_other(fwd, bwd, models, valid, holes, near, layer, area, scale_x, scale_y, other):  # type: ignore[no-untyped-def]
    frames = len(other)
    top, bottom, left, right = area
    for t in range(frames):
        for y in range(top, bottom):
            for x in range(left, right):
                agree = differ = 0
                for side in range(2):
                    pair = t - side
                    if pair < 0 or pair >= frames - 1 or near[pair, y, x]:
                        continue
                    k = holes[pair, y, x]
                    if not valid[pair, k, layer]:
                        differ += layer  # something in front that is not there in this pair
                        continue
                    m = models[side, pair, k, layer]
                    px, py = (x + 0.5) * scale_x - 0.5, (y + 0.5) * scale_y - 0.5
                    mu, mv = m[0, 0] + m[0, 1] * px + m[0, 2] * py, m[1, 0] + m[1, 1] * px + m[1, 2] * py
                    if side == 0:
                        u, v = fwd[pair, 0, y, x] * scale_x, fwd[pair, 1, y, x] * scale_y
                    else:
                        u, v = bwd[pair, 0, y, x] * scale_x, bwd[pair, 1, y, x] * scale_y
                    miss, length = (u - mu) ** 2 + (v - mv) ** 2, mu * mu + mv * mv
                    # The region's motion, k = 0, and that of what passes are not exact everywhere.
                    allowed = (0.02 if k and layer == 0 else 0.09) * length + 1.0 + layer
                    if miss <= allowed:
                        agree += 1
                    else:
                        differ += 1
                other[t, y, x] = differ > agree


@compiled
def _follow(masks, first, rows, columns, models, back, valid, holes, other, layer, direction, away, to_x, to_y):  # type: ignore[no-untyped-def]
    frames, height, width = masks.shape
    h, w = other.shape[1:]
    # Where the masked pixels of the frame visited before are seen, and the step that led on from there.
    seen_away = np.zeros((height, width), np.int16)
    seen_x, seen_y = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    step_u, step_v = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    begin = frames - 2 if direction == 1 else 1
    for i in range(frames - 1):
        t = begin - direction * i
        s = t + direction
        pair = t if direction == 1 else t - 1
        a, b = first[t], first[t + 1]
        for n in range(a, b):
            y, x = rows[n], columns[n]
            fy, fx = min(int((y + 0.5) * h / height), h - 1), min(int((x + 0.5) * w / width), w - 1)
            k = holes[pair, fy, fx]
            if not valid[pair, k, layer]:
                continue
            m = models[pair, k, layer]
            u, v = m[0, 0] + m[0, 1] * x + m[0, 2] * y, m[1, 0] + m[1, 1] * x + m[1, 2] * y
            there_x, there_y = np.float32(x + u), np.float32(y + v)
            if not (0 <= there_x <= width - 1 and 0 <= there_y <= height - 1):
                continue
            home = back[pair, k, layer]
            home_u = home[0, 0] + home[0, 1] * there_x + home[0, 2] * there_y
            home_v = home[1, 0] + home[1, 1] * there_x + home[1, 2] * there_y
            miss, length = (u + home_u) ** 2 + (v + home_v) ** 2, u * u + v * v + home_u * home_u + home_v * home_v
            if miss > 0.01 * length + 0.5:
                continue
            qx, qy = int(np.rint(there_x)), int(np.rint(there_y))
            if not masks[s, qy, qx]:
                if not other[s, min(int((qy + 0.5) * h / height), h - 1), min(int((qx + 0.5) * w / width), w - 1)]:
                    away[n], to_x[n], to_y[n] = direction, there_x, there_y
                continue
            if seen_away[qy, qx] == 0:
                continue
            if layer and (u - step_u[qy, qx]) ** 2 + (v - step_v[qy, qx]) ** 2 > 2.0 + 0.25 * (u * u + v * v):
                continue  # what moves in front continues as it did
            far_x, far_y = seen_x[qy, qx] + (there_x - qx), seen_y[qy, qx] + (there_y - qy)
            if 0 <= far_x <= width - 1 and 0 <= far_y <= height - 1:
                away[n], to_x[n], to_y[n] = seen_away[qy, qx] + direction, far_x, far_y
        # Now that frame's turn to be the one visited before.
        for n in range(first[s], first[s + 1]):
            seen_away[rows[n], columns[n]] = 0
        for n in range(a, b):
            y, x = rows[n], columns[n]
            if away[n] and masks[t, y, x]:
                seen_away[y, x], seen_x[y, x], seen_y[y, x] = away[n], to_x[n], to_y[n]
                if layer:
                    fy, fx = min(int((y + 0.5) * h / height), h - 1), min(int((x + 0.5) * w / width), w - 1)
                    m = models[pair, holes[pair, fy, fx], layer]
                    step_u[y, x] = m[0, 0] + m[0, 1] * x + m[0, 2] * y
                    step_v[y, x] = m[1, 0] + m[1, 1] * x + m[1, 2] * y
