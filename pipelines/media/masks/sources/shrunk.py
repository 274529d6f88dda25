"""Size at which a source looks at pictures, and the part of them that a region leaves."""

import math

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.clip import Size
from reelmend.pipelines.media.sizes import fit


def shrunk(full: Size, region: Box | None, longest: int, context: int) -> tuple[Size, Box]:
    """Return the size (width, height) of pictures no longer than `longest`, and what of them is looked at.

    That is the region of the full picture and `context` pixels around it; all of the picture without one.
    """
    size = fit(full, longest)
    left, top, right, bottom = region or (0, 0, *full)
    across, down = size[0] / full[0], size[1] / full[1]
    box = (
        max(0, int(left * across) - context),
        max(0, int(top * down) - context),
        min(size[0], math.ceil(right * across) + context),
        min(size[1], math.ceil(bottom * down) + context),
    )
    return size, box
