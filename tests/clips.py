"""Tiny clips and masks, made on the spot, whose truth is known."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Size = tuple[int, int]
"""(width, height)"""


def scene(frames: int = 30, size: Size = (96, 64), speed: tuple[int, int] = (2, 1), seed: int = 0) -> U8:
    """A camera pan by `speed` = (right, down) pixels a frame over a still, smoothly textured plane: u8 [T, H, W, 3]."""
    width, height = size
    plane_size = (height + abs(speed[1]) * frames, width + abs(speed[0]) * frames, 3)
    noise = np.random.default_rng(seed).random(plane_size, np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    plane = np.rint(spread * 230 + 12).astype(np.uint8)
    return np.stack(
        [
            plane[y : y + height, x : x + width]
            for x, y in ((abs(speed[0]) * index, abs(speed[1]) * index) for index in range(frames))
        ]
    )


def moving_box(frames: int = 30, size: Size = (96, 64), box: Size = (20, 16), speed: int = 1) -> Bool:
    """A box that drifts right from the left third by `speed` pixels a frame: bool [T, H, W]."""
    width, height = size
    masks = np.zeros((frames, height, width), np.bool_)
    top = (height - box[1]) // 2
    for index, mask in enumerate(masks):
        left = min(width // 3 + speed * index, width - box[0])
        mask[top : top + box[1], left : left + box[0]] = True
    return masks


def write_clip(
    path: Path,
    frames: int = 30,
    size: Size = (96, 64),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int | Fraction = 25,
    audio: bool = True,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pictures: U8 | None = None,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    sample_aspect: Fraction = Fraction(1),
    colour: tuple[int, int, int, int] = (2, 2, 2, 0),
    subtitle: str | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    sound: str = "aac",
) -> Path:
    """Write a clip of `scene` (or of `pictures` u8 [T, H, W, 3]) and return its path.

    `pts` are in `time_base` and make a variable rate; `colour` is (primaries, transfer, matrix, range) as H.273
    numbers; `rotation` turns the picture clockwise when shown; `subtitle` names a codec, for one line of text.
    """
    shown = scene(frames, size) if pictures is None else pictures
    with av.open(str(path), "w", format=container, container_options=container_options or {}) as output:
        tick = time_base or 1 / Fraction(rate)
        video = output.add_stream(codec, rate=rate, width=shown.shape[2], height=shown.shape[1], time_base=tick)
        assert isinstance(video, av.VideoStream)
        video.pix_fmt, video.options = pix_fmt, {**(options or {})}
        video.codec_context.sample_aspect_ratio = sample_aspect
        context = video.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = colour
        if rotation:
            video.set_display_rotation(-rotation)
        tone = output.add_stream(sound, rate=48000) if audio else None
        text = output.add_mux_stream(subtitle) if subtitle else None
        output.start_encoding()
        for index, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format=pix_fmt,
                dst_colorspace=colour[2] if colour[2] in (1, 5, 6, 9) else 5,
                dst_color_range=colour[3] or 1,
            )
            frame.pts, frame.time_base = (pts[index] if pts else index), tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if tone is not None:
            assert isinstance(tone, av.AudioStream)
            _write_tone(output, tone, len(shown) / float(rate))
        if text is not None:
            _write_subtitle(output, text)
    return path


def _write_tone(output: av.container.OutputContainer, sound: av.AudioStream, seconds: float) -> None:
    rate, samples = 48000, sound.codec_context.frame_size or 1024
    for start in range(0, int(seconds * rate), samples):
        times = np.arange(start, start + samples) / rate
        wave = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
        kind = sound.codec_context.format.name
        if kind == "s16":
            frame = av.AudioFrame.from_ndarray(
                np.rint(np.repeat(wave, 2) * 32767).astype(np.int16)[None], kind, "stereo"
            )
        else:
            frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        output.mux(sound.encode(frame))
    output.mux(sound.encode(None))


def _write_subtitle(output: av.container.OutputContainer, text: av.stream.Stream) -> None:
    packet = av.Packet(b"a line of text")
    packet.stream, packet.pts, packet.dts, packet.duration = text, 0, 0, 500
    packet.time_base = Fraction(1, 1000)
    output.mux(packet)


def write_images(folder: Path, pictures: U8 | Bool, names: Sequence[str] | None = None) -> Path:
    """Write [T, H, W] or [T, H, W, 3] pictures as PNGs (00000.png, ...) and return the folder; True becomes white."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures):
        name = names[index] if names else f"{index:05d}.png"
        write_mask_image(folder / name, picture)
    return folder


def write_mask_image(path: Path, mask: U8 | Bool | NDArray[np.uint16]) -> Path:
    """Write one picture, grey or RGB, as an image of the kind its suffix names, and return its path."""
    levels: NDArray[Any] = mask.astype(np.uint8) * 255 if mask.dtype == np.bool_ else mask
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), levels if levels.ndim == 2 else levels[..., ::-1])
    return path


def write_mask_video(path: Path, masks: Bool, rate: int = 25, codec: str = "libx264") -> Path:
    """Write masks bool [T, H, W] as a white-on-black video and return its path."""
    pictures = np.repeat(masks[..., None], 3, axis=3).astype(np.uint8) * 255
    return write_clip(path, codec=codec, rate=rate, audio=False, pictures=pictures)
