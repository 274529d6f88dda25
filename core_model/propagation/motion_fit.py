"""Affine motions that flow samples agree on.

Motion (u, v) = A (1, x, y), fitted by iteratively reweighted least squares: samples that follow something else lose
their weight (Geman and McClure, "Statistical methods for tomographic image reconstruction", 1987).

Legend: N samples. Positions and vectors are pixels; sums run in a fixed order, so that threads do not show.
"""

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

NOISE_PX = 0.5  # error of a sample that is as likely noise as another motion
_ROUNDS = 6
# Pull towards no slope, relative to the samples' weight: a ring on one side of a hole must not fling the other side.
_RIDGE = 1e-3
_BIN_PX = 1.0
_BINS = 129  # of each component of a vector; longer vectors fall into the outermost bins


@compiled
def fit_affine(samples_N4, start_23, settled, middle_x, middle_y, reach, model_23):  # type: ignore[no-untyped-def]
    """Write the motion [2, 3] of (1, x, y) to `model`; return the samples' summed weight (N when all agree exactly).

    `samples` are rows (x, y, u, v). From `start` on if `settled`, else from all samples alike. The slopes are fitted in
    units of `reach` around the middle, where they are of order one.
    """
    n = len(samples_N4)
    c = np.zeros((2, 3))
    if settled:
        for d in range(2):
            c[d, 0] = start_23[d, 0] + start_23[d, 1] * middle_x + start_23[d, 2] * middle_y
            c[d, 1], c[d, 2] = start_23[d, 1] * reach, start_23[d, 2] * reach
    misses = np.empty(n)
    agreement = 0.0
    for round_ in range(_ROUNDS + 1):
        for i in range(n):
            x, y = (samples_N4[i, 0] - middle_x) / reach, (samples_N4[i, 1] - middle_y) / reach
            du = c[0, 0] + c[0, 1] * x + c[0, 2] * y - samples_N4[i, 2]
            dv = c[1, 0] + c[1, 1] * x + c[1, 2] * y - samples_N4[i, 3]
            misses[i] = du * du + dv * dv
        tolerance = NOISE_PX * NOISE_PX
        if not settled and round_ < 3:  # far off at first: the median keeps half of the samples in play
            tolerance = max(tolerance, np.median(misses)) if round_ else 1e12
        m = np.zeros((3, 3))
        tu, tv = np.zeros(3), np.zeros(3)
        agreement = 0.0
        for i in range(n):
            w = tolerance / (tolerance + misses[i])
            w *= w
            agreement += w
            x, y = (samples_N4[i, 0] - middle_x) / reach, (samples_N4[i, 1] - middle_y) / reach
            m[0, 0] += w
            m[0, 1] += w * x
            m[0, 2] += w * y
            m[1, 1] += w * x * x
            m[1, 2] += w * x * y
            m[2, 2] += w * y * y
            u, v = w * samples_N4[i, 2], w * samples_N4[i, 3]
            tu[0] += u
            tu[1] += u * x
            tu[2] += u * y
            tv[0] += v
            tv[1] += v * x
            tv[2] += v * y
        if round_ == _ROUNDS:
            break
        m[1, 0], m[2, 0], m[2, 1] = m[0, 1], m[0, 2], m[1, 2]
        ridge = _RIDGE * m[0, 0] + 1e-12
        m[0, 0] += 1e-12
        m[1, 1] += ridge
        m[2, 2] += ridge
        _solve3(m, tu, c[0])
        _solve3(m, tv, c[1])
    for d in range(2):
        model_23[d, 1], model_23[d, 2] = c[d, 1] / reach, c[d, 2] / reach
        model_23[d, 0] = c[d, 0] - model_23[d, 1] * middle_x - model_23[d, 2] * middle_y
    return agreement


@compiled
def most_frequent(samples_N4, start_23):  # type: ignore[no-untyped-def]
    """Write the translation that most samples are close to, as a motion, to `start`."""
    counts = np.zeros((_BINS, _BINS))
    half = _BINS // 2
    for i in range(len(samples_N4)):
        a = min(max(int(np.rint(samples_N4[i, 2] / _BIN_PX)) + half, 1), _BINS - 2)
        b = min(max(int(np.rint(samples_N4[i, 3] / _BIN_PX)) + half, 1), _BINS - 2)
        for da in range(-1, 2):
            for db in range(-1, 2):
                counts[a + da, b + db] += 2.0 if da == 0 and db == 0 else 1.0
    best = int(np.argmax(counts))
    start_23[:] = 0
    start_23[0, 0] = (best // _BINS - half) * _BIN_PX
    start_23[1, 0] = (best % _BINS - half) * _BIN_PX


@compiled
def agreement_of(samples_N4, model_23):  # type: ignore[no-untyped-def]
    """Summed weight of the samples under a motion: N when all agree exactly."""
    total = 0.0
    tolerance = NOISE_PX * NOISE_PX
    for i in range(len(samples_N4)):
        x, y = samples_N4[i, 0], samples_N4[i, 1]
        du = model_23[0, 0] + model_23[0, 1] * x + model_23[0, 2] * y - samples_N4[i, 2]
        dv = model_23[1, 0] + model_23[1, 1] * x + model_23[1, 2] * y - samples_N4[i, 3]
        w = tolerance / (tolerance + du * du + dv * dv)
        total += w * w
    return total


@compiled
def _solve3(m, t, out):  # type: ignore[no-untyped-def]
    """Cramer's rule: exact to the last bit on every machine."""
    a = m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1]
    b = m[1, 2] * m[2, 0] - m[1, 0] * m[2, 2]
    c = m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0]
    det = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c
    if not abs(det) > 1e-30:
        out[:] = 0
        return
    out[0] = (
        t[0] * a + m[0, 1] * (m[1, 2] * t[2] - t[1] * m[2, 2]) + m[0, 2] * (t[1] * m[2, 1] - m[1, 1] * t[2])
    ) / det
    out[1] = (
        m[0, 0] * (t[1] * m[2, 2] - m[1, 2] * t[2]) + t[0] * b + m[0, 2] * (m[1, 0] * t[2] - t[1] * m[2, 0])
    ) / det
    out[2] = (
        m[0, 0] * (m[1, 1] * t[2] - t[1] * m[2, 1]) + m[0, 1] * (t[1] * m[2, 0] - m[1, 0] * t[2]) + t[0] * c
    ) / det
