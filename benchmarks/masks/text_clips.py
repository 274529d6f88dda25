"""Clips with burnt-in text for the benchmark of the mask source `text`, and what each shows that is hard."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.howto.footage import scene
from benchmarks.masks.burnt_text import Line, Style, burn, leaves
from reelmend.pipelines.choices import TextKind

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Background = Callable[[int], U8]

SIZE = (854, 480)
RATE = 25
FRAMES = 100
FONTS = Path("/usr/share/fonts/truetype")
SERIF = str(FONTS / "liberation/LiberationSerif-Regular.ttf")
MONO = str(FONTS / "dejavu/DejaVuSansMono.ttf")
BOLD = str(FONTS / "dejavu/DejaVuSans-Bold.ttf")
MIDDLE, LOW = SIZE[0] // 2, SIZE[1] - 32


@dataclass(frozen=True)
class Case:
    name: str
    background: str
    lines: tuple[Line, ...] = ()
    gated: bool = True
    """Whether it counts for the goal: letters masked tightly."""
    kind: TextKind = TextKind.all


def cases() -> list[Case]:
    outlined = Style("sans", 32, outline=2)
    two = (
        Line("The second line comes below,", (MIDDLE, LOW - 40), outlined, 13, 86, fade=8),
        Line("both fade in and out.", (MIDDLE, LOW), outlined, 13, 86, fade=8),
    )
    serif = Style(SERIF, 34, (255, 235, 60), shadow=2)
    chained = tuple(
        Line(text, (MIDDLE, LOW), Style(SERIF, 30, outline=2), first, stop)
        for text, first, stop in (
            ("What did you say to him?", 5, 33),
            ("Nothing that matters now.", 33, 61),
            ("Then let us go home.", 61, 88),
        )
    )
    russian, chinese = "Мы скоро будем дома, не так ли?", "我们很快就会回到家里，不是吗？"
    return [
        Case("two lines, outlined, fading", "leaves", two),
        Case("serif, yellow, shadow", "leaves", (Line("A shadow falls on the words", (MIDDLE, LOW), serif, 20, 77),)),
        Case(
            "bold, 60 px, thick outline",
            "leaves",
            (Line("BREAKING NEWS", (MIDDLE, LOW), Style(BOLD, 60, outline=4), 10, 90),),
        ),
        Case(
            "16 px, outlined",
            "leaves",
            (
                Line(
                    "small print, easily overlooked, at the bottom", (MIDDLE, LOW), Style("uni", 16, outline=1), 10, 90
                ),
            ),
        ),
        Case("Cyrillic, outlined", "leaves", (Line(russian, (MIDDLE, LOW), Style(BOLD, 28, outline=2), 22, 80),)),
        Case(
            "Chinese, outlined, fading",
            "leaves",
            (Line(chinese, (MIDDLE, LOW), Style("uni", 36, outline=2), 9, 84, fade=12),),
        ),
        Case("one after the other without a gap", "leaves", chained),
        Case(
            "translucent box",
            "leaves",
            (Line("White on a translucent box", (MIDDLE, LOW), Style("sans", 28, panel=0.5), 15, 80),),
        ),
        Case("plain, all the time", "leaves", (Line("Channel Five Documentary", (MIDDLE, 60), Style(SERIF, 30)),)),
        Case(
            "timestamp, outlined",
            "leaves",
            (Line("12:31:{second:02d}", (30, 50), Style(MONO, 22, outline=1), centred=False),),
        ),
        Case(
            "timestamp, tenths",
            "leaves",
            (Line("12:31:{second:02d}.{tenth}", (30, 50), Style(MONO, 26, outline=2), centred=False),),
        ),
        Case("outlined, car", "car", (Line("Outlined, over a real road", (MIDDLE, LOW), outlined, 13, 86, fade=4),)),
        Case(
            "shadow, Cyrillic, car",
            "car",
            (Line(russian, (MIDDLE, LOW), Style(BOLD, 26, (255, 235, 60), shadow=2), 20, 85),),
        ),
        Case("outlined, still camera", "cars", (Line("Nothing moves but the cars", (MIDDLE, LOW), outlined, 20, 77),)),
        Case(
            "outlined, still camera, all the time",
            "cars",
            (Line("It is there from first to last", (MIDDLE, LOW), outlined),),
        ),
        Case(
            "plain, still camera, all the time",
            "bottles",
            (Line("Plain letters on a table", (MIDDLE, LOW), Style(SERIF, 30)),),
        ),
        Case(
            "outlined, a van passes behind",
            "van",
            (
                Line("The van was late again,", (MIDDLE, 412), Style("sans", 34, outline=2), 12, 48, fade=3),
                Line("and nobody had called.", (MIDDLE, 454), Style("sans", 34, outline=2), 12, 48, fade=3),
                Line("So we waited by the wall.", (MIDDLE, 454), Style("sans", 34, outline=2), 54, 95, fade=3),
            ),
            kind=TextKind.captions,
        ),
        Case("no text, captions only, a van passes", "van", kind=TextKind.captions),
        Case("Chinese, plain, bmx", "bmx", (Line(chinese, (MIDDLE, LOW), Style("uni", 32), 14, 70),)),
        Case(
            "credits that scroll",
            "leaves",
            tuple(
                Line(text, (MIDDLE, 480 + 60 * row), Style("sans", 30, outline=2), speed=(0, -3))
                for row, text in enumerate(("Directed by Nobody", "Music by No One", "Edited Elsewhere"))
            ),
            gated=False,
        ),
        Case("no text, shapes", "leaves"),
        Case("no text, captions only", "car", kind=TextKind.captions),
        Case("no text, cars", "cars"),
        Case("no text, bottles", "bottles"),
        Case("no text, bmx", "bmx"),
    ]


def background(name: str, samples: Path | None) -> Background | None:
    """Return pictures u8 [H, W, 3] by frame; None if they need samples that are not there."""
    if name == "leaves":
        world = leaves((SIZE[0] + 3 * FRAMES, SIZE[1] + FRAMES))
        return lambda index: world[index : index + SIZE[1], 3 * index : 3 * index + SIZE[0]]
    if name == "van":
        shots = [
            np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8) for picture in scene(0.0)
        ]
        return lambda index: shots[index % len(shots)]
    if samples is None:
        return None
    if name == "bmx":
        paths = sorted((samples / "bmx-trees").glob("*.jpg"))
        pictures = [np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1] for path in paths]
    else:
        path = samples / {"car": "running_car.mp4", "cars": "still_cars.mp4", "bottles": "still_bottles.mp4"}[name]
        with av.open(str(path)) as container:
            pictures = []
            for frame in container.decode(video=0):
                pictures.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                if len(pictures) == FRAMES:
                    break
    scaled = [np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8) for picture in pictures]
    back_and_forth = [*scaled, *scaled[-2:0:-1]]
    return lambda index: back_and_forth[index % len(back_and_forth)]


def write(case: Case, behind: Background, path: Path) -> list[F32]:
    """Write a case as H.264, and return how opaque its text is in each frame: f32 [H, W]."""
    truth = []
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = *SIZE, "yuv420p", Fraction(1, RATE)
        for index in range(FRAMES):
            picture, opacity = burn(behind(index), case.lines, index)
            truth.append(opacity)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))))
        output.mux(stream.encode())
    return truth
