"""Compilation of the engine's inner loops.

numba compiles a function when it is first called and keeps the result beside the source, or, where that cannot be
written, in the user's cache; later processes load it. `python -m reelmend.core_model.propagation.warm_up` does it ahead of time.
"""

import numpy as np

from reelmend.core_model.propagation.fill import fill_clip


def warm_up() -> None:
    """Call everything that is compiled once, on small clips."""
    still = np.random.default_rng(0).integers(0, 255, (1, 64, 80, 3), np.uint8).repeat(12, 0)
    for t in range(12):  # something passes behind the hole
        still[t, 20:44, 4 * t : 4 * t + 24] = 255 - still[0, 20:44, :24]
    moving = np.stack([np.roll(still[0], 3 * t, 1) for t in range(12)])
    masks = np.zeros((12, 64, 80), np.bool_)
    masks[:, 24:40, 30:50] = True
    flow = np.zeros((11, 2, 64, 80), np.float32)
    fill_clip(still, masks, lambda: (flow, flow))
    flow[:, 0] = 3
    fill_clip(moving, masks, lambda: (flow, -flow))
    fill_clip(moving, masks.copy(), lambda: (flow[:, :, ::2, ::2] / 2, -flow[:, :, ::2, ::2] / 2))


if __name__ == "__main__":
    warm_up()
