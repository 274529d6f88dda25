"""Facts of an item, typed: what probe, stitch and manifest say of it, beside the counts in its row.

Ledger, records of finished items and receipts hold them as a mapping from names to values, of which each part of a run
adds its own; the names are the fields here. Other names (of codecs, weights, worked areas, a newer version) are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Facts = dict[str, str | int | float]

WEIGHTS_FACT = "weights_"
"""Facts whose name begins so say which weights a network was read from."""


@dataclass(frozen=True, kw_only=True)
class ItemFacts:
    """Each is None where nothing is known of it, and then absent from the mapping."""

    frames: int | None = None
    frame_range: str | None = None
    """START:STOP, where a range of the frames was restored and not all."""
    width: int | None = None
    height: int | None = None
    video_digest: str | None = None
    mask_digest: str | None = None
    masked_fraction: float | None = None
    """Share of all pixels of the video that are masked."""
    masked_frames: str | None = None
    """The frames with a mask, as `0-79, 160-239`; of many ranges the first."""
    shots: int | None = None
    frames_repeated: int | None = None
    """Masked frames that repeat the one before, and were not restored by themselves; absent where there are none."""
    mask_note: str | None = None
    """What in the item's mask may not be what was meant, in words; absent where nothing is odd."""

    overrides: str | None = None
    """Settings that the manifest has for this item alone, as words of a shell."""
    fps: float | None = None
    """Frames per second, where the manifest gives them."""

    item_key: str | None = None
    """Names everything that determines the output."""
    output: str | None = None
    output_mark: str | None = None
    video_mark: str | None = None
    mask_mark: str | None = None
    engine: str | None = None
    bytes: int | None = None
    """Of the output."""
    blocks_restored_smaller: int | None = None
    """Because memory was insufficient; absent where none was."""
    cuda_errors: int | None = None
    """How often CUDA failed on the item so that a process had to be replaced, in this run; absent where it did not."""
    cuda_recovery: str | None = None
    """Name of the furthest step by which something of the result was computed after such an error (docs/gpu.md)."""
    windows: int | None = None
    """Of the engine, with anything to restore; absent where none could exit early."""
    windows_exited: int | None = None
    """Of those, the ones that kept what propagation had brought."""
    restored_side: int | None = None
    """Longest side in pixels that holes were restored at, where the item's own detail chose it."""

    quality_score: float | None = None
    """How sure a restored item's result is, 0..1, higher is surer."""
    quality_lowest_block: float | None = None
    """Score of the block that has the lowest."""
    quality_seen_share: float | None = None
    quality_seen_away: float | None = None
    """In frames."""
    blocks: int | None = None
    """Blocks that were restored; the following are absent where none was restored again by another engine."""
    refined_blocks: int | None = None
    refined_frames: str | None = None
    """The frames of these, as `0-79, 160-239`."""
    refined_by: str | None = None
    """The engine that did."""
    quality_before: float | None = None
    """The item's score without that, and how much higher it is with it; less than 0 where it is lower."""
    quality_gained: float | None = None
    draft_key: str | None = None
    """`item_key` of the result that the first engine of a hybrid one makes alone."""
    review: int | None = None
    """Whether somebody should look at a restored item, 0 or 1; where it is 1, `review_reason` says why."""
    review_reason: str | None = None

    preview: str | None = None
    """Names of pictures beside the report, and where on them lies what."""
    preview_outline: str | None = None
    preview_layout: str | None = None
    preview_bytes: int | None = None
    preview_columns: int | None = None
    """This, and the two below, in runs of older versions."""
    preview_width: int | None = None
    preview_height: int | None = None

    set_aside: str | None = None
    """Where a file of others was moved that lay in the output's place."""
    replaced_own: int | None = None
    """1 where an earlier result of this job was replaced."""

    others: Mapping[str, str | int | float] = field(default_factory=dict)

    @classmethod
    def from_map(cls, facts: Mapping[str, str | int | float]) -> "ItemFacts":
        """Inverse of `to_map`. A value that is not of its field's type is left out: another tool may have written it."""
        known: dict[str, Any] = {}
        others: Facts = {}
        for name, value in facts.items():
            if name in _KINDS:
                known[name] = _as(_KINDS[name], value)
            else:
                others[name] = value
        return cls(**known, others=others)

    def to_map(self) -> Facts:
        """Return what the ledger holds."""
        known = {name: value for name in _KINDS if (value := getattr(self, name)) is not None}
        return known | dict(self.others)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 where they are not known."""
        return self.width or 0, self.height or 0

    @property
    def weights(self) -> dict[str, str]:
        """By network, name, digest and licence of the file that it was read from."""
        return {
            name.removeprefix(WEIGHTS_FACT): str(value)
            for name, value in self.others.items()
            if name.startswith(WEIGHTS_FACT)
        }


_PYTHON_TYPES: dict[Any, type] = {int | None: int, float | None: float, str | None: str}
_KINDS: dict[str, type] = {f.name: _PYTHON_TYPES[f.type] for f in fields(ItemFacts) if f.name != "others"}


def _as(kind: type, value: str | int | float) -> str | int | float | None:
    if isinstance(value, str):
        return value if kind is str else None
    if kind is str:
        return None
    return value if kind is float or isinstance(value, int) else int(value) if value.is_integer() else None
