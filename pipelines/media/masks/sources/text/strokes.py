"""Strokes of a line: the pixels of its letters, with outline and shadow, from pictures that show it and some that do not.

Three cues, from the strongest to the weakest. On a still camera the pictures before and after show what is behind the
line: what differs is text. Where the background changes while the line is shown, pixels that stay are text. Else
letters have few colours, that contrast with what is around them, and are as thin as a fifth of their height.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.text.changing import LEAST_INK, Changing, changing_in
from reelmend.pipelines.media.masks.sources.text.panel import panel
from reelmend.pipelines.media.masks.sources.text.view import NOTICED, SAME_COLOUR, View, blurred, view_of

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

FAINT = 3.0
"""Usual difference in grey levels of a border to what is beyond it, from which it belongs to the letters."""
SOFT = 2.5
"""Difference in grey levels to a flat background that the softest edges of letters still have."""
FLAT = 3.0
"""Mean difference in grey levels of a background to its mean, up to which soft edges can be told from it."""


@dataclass(frozen=True)
class Letters:
    """What was found about a line's pixels."""

    mask: Bool
    """Letters with outline and shadow [h, w], tightly, or a box where they could not be told from the background."""
    median: F32
    """The line and a blurred background [h, w, 3]."""
    changing: Changing | None = None
    """The part of the line whose letters change while it is shown, as the digits of a clock."""


def letters(present: U8, absent: U8, box: Box, others: Sequence[Box] = ()) -> Letters:
    """Find the letters of a line; `present` u8 [n, h, w, 3] show it at `box`, `absent` u8 [m, h, w, 3] do not.

    `others` are boxes of other lines in the same pictures.
    """
    present = _fully_shown(present, box)
    view = view_of(present, absent, box, others)
    behind_line = panel(view.median, box, view.high)
    if behind_line is not None:
        return Letters(behind_line, view.median)
    colour, ink = _ink(view)
    mask = ink | _around_ink(view, ink)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    grown = cv2.dilate(closed, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))).astype(np.bool_)
    edges = _with_faint_edges(view, grown)
    mask |= (edges & ~grown) | (grown & _unlike_background(view, grown))
    mask = _boxed_where_unsure(view, ink, mask)
    return Letters(mask, view.median, changing_in(view, present, colour, ink, mask))


def _fully_shown(present: U8, box: Box) -> U8:
    """Return those of the pictures in which the line is not fading."""
    if len(present) < 3:
        return present
    luma = present[:, box[1] : box[3], box[0] : box[2]].mean(axis=3, dtype=np.float32)
    details = np.stack([image - blurred(image, box[3] - box[1]) for image in luma])
    usual = np.median(details, axis=0)
    strength = (details * usual).sum(axis=(1, 2)) / max(float((usual * usual).sum()), 1e-6)
    return np.asarray(present[strength > 0.85 * np.median(strength)], np.uint8)


def _ink(view: View) -> tuple[F32, Bool]:
    """Return (colour, its pixels [h, w]): the one that is seen in the line and hardly around it."""
    left, top, right, bottom = view.box
    inside = np.zeros(view.contrast.shape, np.bool_)
    inside[top:bottom, left:right] = True
    outside = ~inside & ~view.others
    weight = view.contrast.copy()
    weight[view.varies] = 0
    if view.behind is not None:
        weight[view.behind < NOTICED] = 0
    level = np.percentile(weight[inside], 85) if inside.any() else 0.0
    strong = inside & (weight >= max(level, NOTICED))
    if not strong.any():
        return np.zeros(3, np.float32), np.zeros_like(strong)
    colours = view.median[strong]
    best, best_colour, best_score = np.zeros_like(strong), np.zeros(3, np.float32), -1.0
    for _ in range(2):  # the fill and the outline, or the other way round
        if not len(colours):
            break
        colour = _commonest(colours)
        ink = _of_colour(view, colour)
        density = float(ink[inside].mean())
        elsewhere = float(ink[outside].mean()) if outside.any() else 0.0
        score = min(density, 0.1) * max(0.0, 1 - elsewhere / max(density, 1e-6)) ** 2
        if score > best_score:
            best, best_colour, best_score = ink, colour, score
        colours = colours[np.abs(colours - colour).max(axis=1) > SAME_COLOUR]
    lasting = _thin(view, view.stays & (view.contrast > 3 * NOTICED))
    return best_colour, _thin(view, best) | (lasting & inside)


def _commonest(colours: F32) -> F32:
    some = colours[:: max(1, len(colours) // 400)]
    near = np.abs(some[:, None] - some[None]).max(axis=2) < SAME_COLOUR / 2
    return np.asarray(some[near[int(near.sum(axis=1).argmax())]].mean(axis=0), np.float32)


def _of_colour(view: View, colour: F32) -> Bool:
    ink = _alike(view, colour) & ~view.varies
    if view.behind is not None:
        ink &= view.behind > NOTICED
    return np.asarray(ink, np.bool_)


def _alike(view: View, colour: F32) -> Bool:
    """Return which pixels have a colour, rather than that of their surroundings [h, w]."""
    apart = np.abs(view.around - colour).max(axis=2)
    return np.asarray(np.abs(view.median - colour).max(axis=2) < np.minimum(SAME_COLOUR, 0.55 * apart), np.bool_)


def _thin(view: View, ink: Bool) -> Bool:
    """Return ink without blobs thicker than strokes, and without what is far from the line."""
    left, top, right, bottom = view.box
    grow = view.high // 5
    near = np.zeros(ink.shape, np.bool_)
    near[max(0, top - grow) : bottom + grow, max(0, left - grow) : right + grow] = True
    thick = max(3, round(0.45 * view.high)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    whole = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    padded = cv2.copyMakeBorder(whole, thick, thick, thick, thick, cv2.BORDER_CONSTANT, value=1)
    blobs = cv2.dilate(cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc), np.ones((3, 3), np.uint8))
    # Bold letters and their outline make blobs, too, but not beyond the line.
    _, labels = cv2.connectedComponents(blobs[thick:-thick, thick:-thick])
    beyond = np.unique(labels[~near])
    thin = ~np.isin(labels, beyond[beyond > 0])
    return np.asarray(ink & thin & near, np.bool_)


def _around_ink(view: View, ink: Bool) -> Bool:
    """Return outline, shadow and soft edges of ink [h, w]."""
    if not ink.any():
        return np.zeros_like(ink)
    reach = int(np.clip(round(0.22 * view.high), 2, 12))
    far = np.asarray(cv2.distanceTransform((~ink).astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    ring = ~ink & (far <= reach)
    if view.behind is not None:
        return np.asarray(ring & (view.behind > NOTICED), np.bool_)
    free = ring & (far > 1) & ~view.varies
    background = (far > reach) & ~view.others
    text = _layer(view.stays, float(view.stays[background].mean()) if background.any() else 0.0, far, ring, reach)
    for _ in range(3):  # outline, shadow, a fill of another colour
        rest = view.median[free]
        if len(rest) < 0.1 * ring.sum():
            break
        colour = _commonest(rest)
        same = np.abs(view.median - colour).max(axis=2) < SAME_COLOUR
        usual = float(same[background].mean()) if background.any() else 0.0
        if _all_along(same & ring, ring, view.high):
            text |= _layer(_alike(view, colour) & ~view.varies, usual, far, ring, reach)
        free &= ~same
    for width in range(1, reach + 1):  # an outline is as wide everywhere
        at = ring & (far > width - 1) & (far <= width)
        if not at.any() or float(text[at].mean()) < 0.6:
            break
        text |= at
    return np.asarray(text, np.bool_)


def _all_along(some: Bool, ring: Bool, step: int) -> bool:
    """Return whether a part of the ring is found along most of the line, as an outline is and a shape behind is not."""
    columns = range(0, ring.shape[1], step)
    of_ring = np.asarray([ring[:, x : x + step].sum() for x in columns], np.float64)
    shares = np.asarray([some[:, x : x + step].sum() for x in columns])[of_ring > 0] / of_ring[of_ring > 0]
    return bool((shares > 0.4 * some.sum() / max(1, ring.sum())).mean() > 0.7)


def _layer(alike: Bool, usual: float, far: F32, ring: Bool, reach: int) -> Bool:
    """Return the pixels of one colour near ink, as far as it is much more frequent there than is `usual` elsewhere."""
    layer, most = np.zeros_like(alike), 0.0
    for width in range(1, reach + 1):
        at = ring & (far > width - 1) & (far <= width)
        share = float(alike[at].mean()) if at.any() else 0.0
        most = max(most, share)
        if width > 1 and (share < 0.1 or _odds(share) < 3.5 * _odds(usual) or share - usual < 0.4 * (most - usual)):
            break
        layer |= at & alike
    return layer


def _odds(share: float) -> float:
    return share / max(1 - share, 1e-3)


def _with_faint_edges(view: View, mask: Bool) -> Bool:
    """Return the mask, grown on each side as long as its border is, on average, lighter or darker than what is beyond.

    So soft edges and shadows are found that no single pixel shows. A background is as often lighter as darker.
    """
    luma = view.median.mean(axis=2)
    out = mask
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        for _ in range(max(1, view.high // 12)):
            border = _moved(out, right, down) & ~out
            beyond = _moved(border, 3 * right, 3 * down) & ~out
            pairs = _moved(beyond, -3 * right, -3 * down)
            if pairs.sum() < 30:
                break
            steps = luma[pairs] - luma[_moved(pairs, 3 * right, 3 * down)]
            if abs(float(np.median(steps))) < FAINT or abs(float(np.sign(steps).mean())) < 0.2:
                break
            out = out | border
    return out


def _unlike_background(view: View, mask: Bool) -> Bool:
    """Return which pixels differ from the background around them, as even a soft edge does, or may do so [h, w]."""
    outside = (~mask).astype(np.float32)
    weight = blurred(outside, view.high)
    behind = blurred(view.median * outside[..., None], view.high) / np.maximum(weight, 1e-3)[..., None]
    away = np.abs(view.median - behind).max(axis=2)
    rough = blurred(away * outside, view.high) / np.maximum(weight, 1e-3)
    return np.asarray((away > SOFT) | (rough > FLAT) | (weight < 0.02), np.bool_)


def _moved(mask: Bool, right: int, down: int) -> Bool:
    out = np.zeros_like(mask)
    height, width = mask.shape
    out[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = mask[
        max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)
    ]
    return out


def _boxed_where_unsure(view: View, ink: Bool, mask: Bool) -> Bool:
    """Return the mask, with a box around stretches of the line in which there is hardly any ink."""
    left, top, right, bottom = view.box
    step = max(2, view.high)
    inset = min(view.high // 2, (right - left) // 4)
    unsure = []
    for x in range(left + inset, max(left + inset + 1, right - inset), step):
        stop = min(right, x + step)
        unsure.append((x, stop, float(ink[top:bottom, x:stop].mean()) < LEAST_INK))
    out = mask.copy()
    if sum(doubt for *_, doubt in unsure) > 0.6 * len(unsure):
        out[top:bottom, left:right] = True
        return out
    for (x, _, one), (_, stop, other) in pairwise(unsure):
        if one and other:
            out[top:bottom, x:stop] = True
    return out
