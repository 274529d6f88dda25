"""Row of the ledger: everything known of one item."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from reelmend.pipelines.storage.ledger.facts import Facts

# Read of every row, of a million at times: without the other facts (`ItemFacts.from_map`).
SCORE_FACT, REVIEW_FACT, REASON_FACT, MASK_NOTE_FACT = "quality_score", "review", "review_reason", "mask_note"


class ItemState(StrEnum):
    """How far an item is, or how it ended."""

    PENDING = "pending"  # not started
    PROBING = "probing"
    RUNNING = "running"  # flow and inpainting
    STITCHING = "stitching"
    RESTORED = "restored"
    UNTOUCHED = "untouched"  # empty mask: the source was copied, and the row says so
    QUARANTINED = "quarantined"  # the data is at fault: not tried again in this run
    FAILED = "failed"  # the machine was at fault, and attempts are used up

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def bad(self) -> bool:
        return self in (ItemState.QUARANTINED, ItemState.FAILED)


_ENDED = frozenset({ItemState.RESTORED, ItemState.UNTOUCHED, ItemState.QUARANTINED, ItemState.FAILED})


@dataclass(slots=True)  # a run may hold millions
class ItemRow:
    """One row of the ledger. Counts are of tasks: a reused one found its artefact in the store."""

    id: str
    video: str
    mask: str
    """Empty when the item has none."""
    output: str
    state: ItemState = ItemState.PENDING
    kind: str = ""
    """Kind of the failure that ended a bad item: a `reelmend.pipelines.errors.FailureKind`, or the class of another
    error; of ledgers that another version wrote, whatever it says there."""
    reason: str = ""
    """Why a bad item is bad, or a note on a good one."""
    stage: str = ""
    """Where a bad item stopped."""
    attempts: int = 0
    """Times it was tried; what failed for the data's sake was tried once."""
    frames: int = 0
    width: int = 0
    height: int = 0
    tasks_planned: int = 0
    tasks_reused: int = 0
    tasks_computed: int = 0
    chunks_planned: int = 0
    chunks_reused: int = 0
    chunks_computed: int = 0
    frames_done: int = 0
    """Frames of the chunks that are done; reaches `frames` less those without a mask."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Worker seconds by stage."""
    model_seconds: float = 0.0
    """Of those, inside the flow estimator and the engine, without what they read."""
    flow: dict[str, float] = field(default_factory=dict)
    """What the item had from the flow cache: the figures of `FlowUse` that are not 0."""
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By stage, what was computed and not reused: `frames` (of flow: pairs), `seconds`, `cpu_seconds`, `bytes`."""
    bytes_written: int = 0
    peak_rss_mb: float = 0.0
    peak_device_mb: float = 0.0
    """Of GPU memory, in the worker that needed most; 0 without one."""
    reused: bool = False
    """The output was finished by an earlier run; nothing was computed."""
    facts: Facts = field(default_factory=dict)
    """Figures of probe and stitch: digests, sizes, codec, quality, preview key; and what the manifest set for it."""
    started_at: float = 0.0
    """Seconds since the epoch; 0 while pending."""
    ended_at: float = 0.0
    run: str = ""
    """The run that last took the item up; one that leaves it out leaves its row as it was."""
    earlier: ItemState | None = None
    """How the item had ended the last time before that; None when it never had."""

    @property
    def outcome(self) -> ItemState | None:
        """How the item ended, in this run or, where this one has not got there, in the last one that did."""
        return self.state if self.state.ended else self.earlier

    @property
    def quality_score(self) -> float | None:
        """How sure the result is, 0..1; None where nothing was restored."""
        score = self.facts.get(SCORE_FACT)
        return float(score) if isinstance(score, int | float) else None

    @property
    def review(self) -> bool:
        """Whether the item is restored and somebody should look at it: its score is below `quality.review_below`."""
        return self.facts.get(REVIEW_FACT) == 1

    @property
    def review_reason(self) -> str:
        """Why, in words; empty where nobody need look."""
        return str(self.facts.get(REASON_FACT, ""))

    @property
    def told(self) -> str:
        """What a person should know of an item that is not bad: why it is untouched, what is odd about its mask."""
        if self.state is ItemState.UNTOUCHED:
            return self.reason
        return "" if self.state.bad else str(self.facts.get(MASK_NOTE_FACT, ""))

    @property
    def written(self) -> str:
        """Path of the result; empty where there is none. A source with an empty mask is copied under its own suffix."""
        done = self.state in (ItemState.RESTORED, ItemState.UNTOUCHED)
        return str(self.facts.get("output", self.output)) if done else ""

    @property
    def state_in_words(self) -> str:
        return f"{self.state}, review" if self.review else str(self.state)


def least_sure_first(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Return the items that somebody should look at, the lowest score first."""
    return sorted((row for row in rows if row.review), key=lambda row: (row.quality_score or 0.0, row.id))
