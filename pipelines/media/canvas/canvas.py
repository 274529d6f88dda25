"""Size of the output, and position of the picture in it.

Inpainting: the canvas is the picture. Outpainting: the canvas is larger, the picture is in its middle, and all around
it is missing. Pure arithmetic in whole pixels of the source: whatever works at another size scales the whole canvas,
picture and surroundings together, so no rounding shifts one against the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.media.formats import working_layout
from reelmend.pipelines.media.records import VideoHeader, VideoInfo
from reelmend.pipelines.media.sizes import Size


@dataclass(frozen=True)
class Canvas:
    """The output's size and, inside it, the picture's place, in pixels of the coded frame."""

    width: int
    height: int
    left: int
    top: int
    picture_width: int
    picture_height: int

    @classmethod
    def of(cls, picture: Size) -> "Canvas":
        """Return the canvas of inpainting: the picture and nothing around it."""
        return cls(*picture, 0, 0, *picture)

    @classmethod
    def around(cls, picture: Size, scale_w: float, scale_h: float, cell: Size = (1, 1)) -> "Canvas":
        """Return a canvas that is `scale_w` times as wide and `scale_h` times as high as the picture.

        A factor of 1 keeps the side's length. Above it, the side is rounded to the nearest even number, and longer than
        the picture. The picture's offset is half of what is added, rounded down to a multiple of the chroma `cell`
        (width, height) and of 2, so that chroma samples and interlaced lines stay where they are.
        """
        width, height = _side(picture[0], scale_w), _side(picture[1], scale_h)
        left, top = _offset(width - picture[0], cell[0]), _offset(height - picture[1], cell[1])
        return cls(width, height, left, top, *picture)

    @property
    def size(self) -> Size:
        return self.width, self.height

    @property
    def picture_size(self) -> Size:
        return self.picture_width, self.picture_height

    @property
    def grows(self) -> bool:
        """Whether anything lies around the picture."""
        return self.size != self.picture_size

    @property
    def inside(self) -> tuple[slice, slice]:
        """The rows and columns of the picture."""
        return slice(self.top, self.top + self.picture_height), slice(self.left, self.left + self.picture_width)

    def lay(self, picture_HW: NDArray[Any], around: int | bool = 0) -> NDArray[Any]:
        """Return a canvas [height, width, ...] that holds `picture` in its place and the value `around` elsewhere."""
        if not self.grows:
            return picture_HW
        laid = np.full((self.height, self.width, *picture_HW.shape[2:]), around, picture_HW.dtype)
        laid[self.inside] = picture_HW
        return laid


def canvas_of(video: VideoInfo | VideoHeader, job: JobConfig) -> Canvas:
    """Return the canvas of a video. The job's factors are those of the picture as it is shown, rotation included."""
    layout = working_layout(video.pixel_format)
    cell = (1 << layout.shift_x, 1 << layout.shift_y)
    return canvas_of_size((video.width, video.height), job, turned=video.rotation in (90, 270), cell=cell)


def canvas_of_size(picture: Size, job: JobConfig, *, turned: bool = False, cell: Size = (1, 1)) -> Canvas:
    """Return the canvas of a coded picture size; `turned` swaps the factors."""
    if job.mode is not Mode.outpaint:
        return Canvas.of(picture)
    scale_w, scale_h = job.outpaint.scale_w, job.outpaint.scale_h
    return Canvas.around(picture, *((scale_h, scale_w) if turned else (scale_w, scale_h)), cell)


def canvas_settings(job: JobConfig) -> object:
    """Return what of the job determines a canvas, for identities: None for inpainting."""
    return job.outpaint if job.mode is Mode.outpaint else None


def _side(length: int, scale: float) -> int:
    if scale == 1:
        return length
    return max(2 * round(length * scale / 2), 2 * (length // 2 + 1))


def _offset(added: int, cell: int) -> int:
    step = max(2, cell)
    return added // 2 // step * step
