"""Record of a probe's findings about an item."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import masked_ranges
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.inspection import VideoInfo
from reelmend.pipelines.media.masks.reader import MaskSummary
from reelmend.pipelines.media.masks.track import HoleTrack
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.media.sizes import chooses_side
from reelmend.pipelines.stages.detail import Detail, side_for
from reelmend.pipelines.storage.ledger import Facts, ItemFacts
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.stamp import Stamp
from reelmend.pipelines.utils.text import ranges_in_words

_RANGES_NAMED = 6
"""Ranges of masked frames that the ledger names: subtitles have hundreds."""


@dataclass(frozen=True)
class Source:
    """A video or mask that an item is made from."""

    place: Location
    stamp: Stamp
    """As it was when the item's probe saw it."""
    digest: str
    """Of its content."""


@dataclass(frozen=True)
class ProbeRecord:
    """What a probe found; every later stage of the item reads it from the store."""

    info: VideoInfo
    video_digest: str
    mask_digest: str
    mask: MaskSummary
    shots: tuple[tuple[int, int], ...]
    still: tuple[tuple[int, int], ...] = ()
    """Where the camera stands still: see `media.still_ranges`."""
    repeats: tuple[tuple[int, int], ...] = ()
    """Runs of equal frames under equal masks, where the job asked for them: see `media.repeats`."""
    detail: Detail = ()
    """What smaller sizes would lose around the holes, where the job asks: see `stages.detail`."""
    mask_key: str = ""
    """Of the mask in the store, where it was made from the pictures."""
    mask_content: str = ""
    """Digest of that mask's pixels."""
    sources: tuple[Source, Source | None] | None = field(default=None, compare=False)
    """The item's video and mask, which are not kept: the content may have been found under another path."""

    @property
    def size(self) -> tuple[int, int]:
        return self.info.width, self.info.height

    def frames_of(self, job: JobConfig) -> tuple[int, int] | None:
        """Return the range [start, stop) of the frames that the job restores, None for all. Raises MediaError."""
        frames = range_of(job.frames)
        return None if frames is None else frames.of(self.info.pts, self.info.time_base, self.info.path)

    def side_of(self, job: JobConfig) -> int | None:
        """Return the longest side that the video is restored at where its detail chooses; None: the job's own."""
        if not chooses_side(job):
            return None
        return side_for(self.detail, self.size, job.process.auto_least, job.process.auto_most)

    def facts(self, frames: tuple[int, int] | None = None) -> Facts:
        """Figures for the ledger, of a range of the frames or of all."""
        notes = self.mask.notes
        start, stop = frames or (0, self.info.frames)
        return ItemFacts(
            frames=stop - start,
            frame_range=f"{start}:{stop}" if frames else None,
            width=self.info.width,
            height=self.info.height,
            video_digest=self.video_digest,
            mask_digest=self.mask_digest,
            masked_fraction=self.mask.masked_fraction,
            masked_frames=ranges_in_words(self.mask.masked, _RANGES_NAMED) or None,
            shots=len(self.shots),
            frames_repeated=self._repeated(start, stop) or None,
            mask_note="; ".join(f"the mask: {note}" for note in notes) if notes else None,
        ).to_map()

    def _repeated(self, first: int, last: int) -> int:
        """Count the masked frames of [first, last) that are not restored by themselves."""
        masked = masked_ranges(self.mask.masked, self.info.frames)
        runs = Distinct(self.repeats, first, last).repeats(first, last)
        return sum(stop - start - 1 for start, stop in runs if masked(start, stop))

    def to_dict(self) -> dict[str, Any]:
        value = {**asdict(replace(self, sources=None)), "info": self.info.to_dict()}
        del value["sources"]
        for name in ("repeats", "mask_key", "mask_content"):
            if not value[name]:
                del value[name]
        return value

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "ProbeRecord":
        mask = {**value["mask"], "masked": _pairs(value["mask"]["masked"]), "box": tuple(value["mask"]["box"])}
        mask["track"], mask["notes"] = HoleTrack(**mask["track"]), tuple(mask["notes"])
        info = VideoInfo.from_dict(value["info"])
        ranges = {name: _pairs(value.get(name, [])) for name in ("shots", "still", "repeats")}
        detail = tuple((side, loss) for side, loss in value.get("detail", ()))
        return cls(**{**value, "info": info, "mask": MaskSummary(**mask), "detail": detail, **ranges})


def _pairs(ranges: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, stop) for start, stop in ranges)
