"""Protocol of mask sources, and what one is asked.

A source is named in a mask expression (`text`, `overlay:75%,0,25%,20%@0s:30s`), looks at the pictures of one video, and
yields a mask for every frame of the range. What is common to all of them is done outside: combining, the range, growing
(`mask.dilation`), closing over time (`mask.persist`, `mask.fade`), keeping the result, and reporting it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.clip import Clip

Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Search:
    """What a source is asked."""

    clip: Clip
    config: FindConfig
    region: Box | None = None
    """The part of the picture that the expression names; None: all of it."""
    painted: Bool | None = None
    """What a source is to follow, [H, W] as shown, where the expression names a file."""
    anchor: int = 0
    """The frame in which `region` or `painted` is drawn, for a source that follows what it shows."""
    clicks: tuple[tuple[float, float, bool], ...] = ()
    """Points (x, y) of frame `anchor`, in pixels as shown, and whether each is on the object or not on it."""
    notes: list[str] = field(default_factory=list)
    """For the source to add what a person should know: doubt, a frame where it lost the object."""


class MaskSource(ABC):
    """One way to find masks; stateless."""

    name: ClassVar[str]
    """As an expression spells it: a lowercase word."""
    summary: ClassVar[str]
    """What it finds, in a few words, for `reelmend doctor` and the documentation."""
    needs_region: ClassVar[bool] = False
    """Whether the expression has to name a box (or, where it `takes_painted`, a mask file)."""
    takes_painted: ClassVar[bool] = False
    """Whether it may be given a mask file, of whose masks the first is `Search.painted`."""
    takes_points: ClassVar[bool] = False
    """Whether the expression names points on an object (`Search.clicks`) instead of a box."""
    settings: ClassVar[tuple[str, ...]] = ()
    """Names of the settings of `find` that change what it finds."""

    def problem(self) -> str:
        """Return why it cannot be used on this machine and what to do; empty if it can."""
        return ""

    @abstractmethod
    def digest(self) -> str:
        """Return what its results depend on besides pictures and settings: a version, and of weights their digest."""

    @abstractmethod
    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        """Return about how many core-seconds a frame of (width, height) takes, for `reelmend plan`."""

    @abstractmethod
    def find(self, search: Search) -> Iterator[Bool]:
        """Yield a mask bool [H, W] for every frame of the clip, in order, at its shown size.

        It marks the pixels themselves, tightly: growing is done outside. Equal masks in a row should be one object.
        Raises MediaError for what cannot be read, and MaskError for what cannot be found at all.
        """
