"""Which smooth motion do these flow samples agree on?

Affine motion (u, v) = A (1, x, y), fitted by iteratively reweighted least squares: samples that follow something
else (a subject crossing the ring around a hole) lose their say (Geman and McClure's weights).
"""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_ROUNDS = 6
_RIDGE = (
    1e-3  # pull towards no slope, relative to the samples' weight: a ring on one side only must not fling the other
)


def fit_affine(x_N: F64, y_N: F64, flow_2N: F64, noise: float) -> F64:
    """Return the coefficients [2, 3] of (1, x, y) for (u, v); x and y should be of order one.

    `noise` is the error in pixels at which a sample counts for a quarter. Sums run in a fixed order, so that the result
    does not depend on threads. N >= 1.
    """
    terms_3N = np.stack((np.ones_like(x_N), x_N, y_N))
    weight_N = np.ones_like(x_N)
    coefficients = np.zeros((2, 3))
    for round_ in range(_ROUNDS):
        weighted_3N = terms_3N * weight_N
        normal = np.einsum("in,jn->ij", weighted_3N, terms_3N, optimize=False)
        normal += np.diag([1e-9, _RIDGE, _RIDGE]) * normal[0, 0] + np.eye(3) * 1e-12
        target = np.einsum("in,dn->id", weighted_3N, flow_2N, optimize=False)
        coefficients = np.linalg.solve(normal, target).T
        miss_N = np.square(evaluate_affine(coefficients, x_N, y_N) - flow_2N).sum(0)
        # The first rounds may be far off; the median keeps half of the samples in play until the fit has settled.
        tolerance = noise**2 if round_ > 1 else max(noise**2, float(np.median(miss_N)))
        weight_N = np.square(tolerance / (tolerance + miss_N))
    return coefficients


def evaluate_affine(coefficients_23: F64, x_N: F64, y_N: F64) -> F64:
    """Return the motion [2, N] at (x, y)."""
    constant, slope_x, slope_y = coefficients_23.T[:, :, None]
    motion: F64 = constant + slope_x * x_N + slope_y * y_N
    return motion
