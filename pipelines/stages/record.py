"""What did a probe find out about an item?"""

from dataclasses import asdict, dataclass
from typing import Any

from pipelines.ledger import MASK_NOTE_FACT
from pipelines.masks.source import MaskSummary
from pipelines.masks.track import HoleTrack
from pipelines.media.info import VideoInfo


@dataclass(frozen=True)
class ProbeRecord:
    """What a probe found; every later stage of the item reads it from the store."""

    info: VideoInfo
    video_digest: str
    mask_digest: str
    mask: MaskSummary
    shots: tuple[tuple[int, int], ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.info.width, self.info.height

    def facts(self) -> dict[str, str | int | float]:
        """Figures for the ledger."""
        return {
            "frames": self.info.frames,
            "width": self.info.width,
            "height": self.info.height,
            "video_digest": self.video_digest,
            "mask_digest": self.mask_digest,
            "masked_fraction": self.mask.masked_fraction,
            "shots": len(self.shots),
            **({MASK_NOTE_FACT: "; ".join(f"the mask: {note}" for note in self.mask.notes)} if self.mask.notes else {}),
        }

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "info": self.info.to_dict()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "ProbeRecord":
        mask = {**value["mask"], "masked": _pairs(value["mask"]["masked"]), "box": tuple(value["mask"]["box"])}
        mask["track"], mask["notes"] = HoleTrack(**mask["track"]), tuple(mask["notes"])
        info = VideoInfo.from_dict(value["info"])
        return cls(**{**value, "info": info, "mask": MaskSummary(**mask), "shots": _pairs(value["shots"])})


def _pairs(ranges: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, stop) for start, stop in ranges)
