"""Savings by the flow cache: figures of a task, which add up to those of an item and of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from reelmend.pipelines.utils.units import readable_bytes, readable_seconds

Figures = Mapping[str, float]


@dataclass(frozen=True)
class FlowUse:
    """Segments are counted by the flow task that found or computed them, or by the inpainting worker that
    computed one which no flow task was planned for; bytes whenever they moved."""

    found: int = 0
    computed: int = 0
    computed_again: int = 0
    """By an inpainting worker, because they had gone or were damaged since their flow task."""
    damaged: int = 0
    """Objects that did not match their digest; they were deleted and made again."""
    bytes_read: int = 0
    bytes_written: int = 0
    gpu_seconds_saved: float = 0.0
    """Worker seconds that what was found had taken on a GPU."""
    cpu_seconds_saved: float = 0.0
    """Likewise, without a GPU."""
    iterations_skipped: int = 0
    """Of RAFT, of all pairs of frames: their updates had become shorter than `propainter.raft_stop_below`."""
    evicted: int = 0
    """Segments that this run's driver removed to keep the budget."""
    evicted_bytes: int = 0

    @property
    def hit_rate(self) -> float:
        """Share (0..1) of the segments that were found; 0 where none were needed."""
        return self.found / (self.found + self.computed) if self.found else 0.0

    @property
    def saved(self) -> str:
        """For a person: the workers' time that was saved; empty where there was none."""
        by_device = (("GPU", self.gpu_seconds_saved), ("CPU", self.cpu_seconds_saved))
        return ", ".join(f"{readable_seconds(s)} of {device} workers saved" for device, s in by_device if s)

    @property
    def moved(self) -> str:
        """For a person: the bytes that were read and written."""
        return f"{readable_bytes(self.bytes_read)} read, {readable_bytes(self.bytes_written)} written"

    def in_words(self) -> str:
        """Return everything in one line."""
        found = f"{self.hit_rate:.0%} of {self.found + self.computed} segments cached"
        again = f"{self.computed_again} computed again" if self.computed_again else ""
        damaged = f"{self.damaged} damaged and recomputed" if self.damaged else ""
        evicted = f"{self.evicted} evicted ({readable_bytes(self.evicted_bytes)})" if self.evicted else ""
        skipped = f"{self.iterations_skipped} iterations skipped" if self.iterations_skipped else ""
        return ", ".join(part for part in (found, self.saved, self.moved, again, damaged, skipped, evicted) if part)

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    def __add__(self, other: "FlowUse") -> "FlowUse":
        mine, theirs = asdict(self), asdict(other)
        return FlowUse(**{name: mine[name] + theirs[name] for name in mine})

    def to_dict(self) -> dict[str, float]:
        """Return the figures that are not 0."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, figures: Figures) -> "FlowUse":
        """Inverse of `to_dict`; figures of a newer version are ignored."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in figures.items() if name in names})  # type: ignore[arg-type]


NO_USE = FlowUse()


def total(uses: Iterable[Figures]) -> dict[str, float]:
    """Add up what `to_dict` returned."""
    return sum((FlowUse.from_dict(use) for use in uses), NO_USE).to_dict()
