"""Footage that the commands of the how-to pages need: clips with a logo, subtitles, a timestamp, scratches, a van.

A brick wall over a floor of boards; the camera pans, or stands still. 640x360, 25 frames per second.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.masks.burnt_text import Line, Style, burn
from benchmarks.masks.dirt import damaged
from benchmarks.masks.logos import burnt, placed
from benchmarks.quality.clips import Float32, ball, brick_wall, lay, van
from reelmend.core_model.engine import U8

SIZE, RATE, FRAMES = (640, 360), 25, 75
_SCALE = 1.5
_PAN = 4.0  # pixels per frame


def _logo() -> Iterator[U8]:
    return burnt(scene(_PAN), placed("opaque", SIZE, (0.96, 0.07), 0.9))


def _subtitles() -> Iterator[U8]:
    style = Style(size=26, outline=2)
    lines = (
        Line("The van was late again,", (320, 308), style, 8, 40, fade=3),
        Line("and nobody had called.", (320, 340), style, 8, 40, fade=3),
        Line("So we waited by the wall.", (320, 340), style, 44, 75, fade=3),
    )
    for index, picture in enumerate(scene(0.0)):
        yield burn(picture, lines, index)[0]


def _timestamp() -> Iterator[U8]:
    clock = Line("14:07:{second:02d}.{tenth}", (462, 340), Style(font="sans", size=24, outline=2), centred=False)
    for index, picture in enumerate(scene(_PAN)):
        yield burn(picture, (clock,), index)[0]


def _scratched() -> Iterator[U8]:
    return (one.picture for one in damaged(scene(_PAN), seed=5, specks=10, scratches=2))


MAKERS: dict[str, Callable[[], Iterator[U8]]] = {
    "remove-a-logo": _logo,
    "remove-subtitles": _subtitles,
    "remove-a-person": lambda: scene(_PAN),
    "remove-a-timestamp": _timestamp,
    "repair-scratches": _scratched,
    "outpaint": lambda: scene(_PAN, with_van=False),
}
"""By page: RGB u8 [H, W, 3] of each frame."""


def write_footage(page: str, folder: Path, frames: int = FRAMES) -> Path:
    """Write what a reader of a page has, under the names that its commands use; return the clip.

    `frames`: so many from its end on, at most `FRAMES`.
    """
    pictures = list(MAKERS[page]())[-frames:]
    for place in ("in", "masks"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    clip = write_video(folder / "in" / "clip.mp4", pictures)
    logo = placed("opaque", SIZE, (0.96, 0.07), 0.9).mask.astype(np.uint8) * 255
    for mask in ("mask.png", "masks/clip.png", "masks/clip_mask.png"):
        cv2.imwrite(str(folder / mask), logo)
    if page == "repair-scratches":
        masks = [one.specks | one.scratches for one in damaged(scene(_PAN), seed=5, specks=10, scratches=2)][-frames:]
        (folder / "scans" / "reel_01").mkdir(parents=True)
        (folder / "masks" / "reel_01").mkdir(parents=True)
        for index, (picture, damage) in enumerate(zip(pictures[:12], masks, strict=False)):
            cv2.imwrite(str(folder / "scans" / "reel_01" / f"{index:06d}.png"), picture[..., ::-1])
            cv2.imwrite(str(folder / "masks" / "reel_01" / f"{index:06d}.png"), damage.astype(np.uint8) * 255)
    return clip


def write_video(path: Path, pictures: list[U8]) -> Path:
    """Write pictures as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))))
        container.mux(stream.encode())
    return path


def scene(pan: float, *, with_van: bool = True) -> Iterator[U8]:
    """Yield pictures of a camera that moves right by `pan` pixels per frame; a van overtakes it, a ball comes back."""
    world, (van_picture, van_cover), (ball_picture, ball_cover) = _props()
    noise = np.random.default_rng(4)
    for t in range(FRAMES):
        left = 20 + pan * t
        shift = np.array([[1, 0, -left], [0, 1, 0]])
        frame = np.asarray(cv2.warpAffine(world, shift, SIZE), np.float32)
        if with_van:
            lay(frame, ball_picture, ball_cover, (600 - 6.0 * t, 150 + 12 * np.sin(t / 6)))
            lay(frame, van_picture, van_cover, (60 + 7.0 * t, 282.0))
        yield np.clip(np.rint(frame + noise.normal(0, 1.5, frame.shape)), 0, 255).astype(np.uint8)


@cache
def _props() -> tuple[Float32, tuple[Float32, Float32], tuple[Float32, Float32]]:
    rng = np.random.default_rng(20)
    wall = brick_wall(rng)
    world = np.hstack([wall, wall[:, ::-1], wall])
    return _larger(world), tuple(map(_larger, van(rng))), tuple(map(_larger, ball(rng)))  # type: ignore[return-value]


def _larger(picture: Float32) -> Float32:
    return np.asarray(cv2.resize(picture, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC), np.float32)
