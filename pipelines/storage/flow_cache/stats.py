"""Statistics of the flow cache for operators: size, origin, age, and share in use."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.storage.flow_cache.records import Record
from reelmend.pipelines.storage.flow_cache.survey import Survey


@dataclass(frozen=True)
class Share:
    """Some of the segments: those of one flow estimator, or those that one run needs."""

    name: str
    segments: int
    bytes: int
    last_used_s: float
    """Seconds since the epoch by the store's clock."""


@dataclass(frozen=True)
class CacheStats:
    segments: int
    bytes: int
    max_bytes: int
    """The budget; 0: none."""
    oldest_s: float | None
    """When the oldest was written; None where there is nothing."""
    newest_s: float | None
    least_used_s: float | None
    """When that was used which would go first."""
    by_flow: tuple[Share, ...]
    """By the digest of what computed them, the largest first; `unknown` where no run has said so yet."""
    live_runs: tuple[Share, ...]
    """What each needs; runs may share segments."""

    @property
    def share_of_budget(self) -> float | None:
        return self.bytes / self.max_bytes if self.max_bytes else None


def figures(seen: Survey, max_bytes: int) -> CacheStats:
    by_flow = [_share(name, np.flatnonzero(seen.flow == index), seen) for index, name in enumerate(seen.flows)]
    return CacheStats(
        segments=len(seen.names),
        bytes=seen.bytes,
        max_bytes=max_bytes,
        oldest_s=float(seen.made_s.min()) if len(seen.names) else None,
        newest_s=float(seen.made_s.max()) if len(seen.names) else None,
        least_used_s=float(seen.used_s.min()) if len(seen.names) else None,
        by_flow=tuple(sorted((s for s in by_flow if s.segments), key=lambda share: -share.bytes)),
        live_runs=tuple(_needs(record, seen) for record in seen.records if record.lives(seen.now_s)),
    )


def _needs(record: Record, seen: Survey) -> Share:
    return _share(record.key.rpartition("/")[2], np.unique(seen.positions(record.names)), seen)


def _share(name: str, at: NDArray[np.int64], seen: Survey) -> Share:
    last_used_s = float(seen.used_s[at].max()) if len(at) else 0.0
    return Share(name, len(at), int(seen.sizes[at].sum()), last_used_s)
