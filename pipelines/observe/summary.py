"""Totals of a run, for the screen, `run.json` and the report."""

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from reelmend.pipelines.errors import EXIT_INCOMPLETE, EXIT_TRY_AGAIN, FailureKind
from reelmend.pipelines.observe.refinement import refinement_totals
from reelmend.pipelines.storage.flow_cache.usage import NO_USE, FlowUse, total
from reelmend.pipelines.storage.ledger import WEIGHTS_FACT, ItemFacts, ItemRow, ItemState
from reelmend.pipelines.utils.units import readable_amount

LEAST_SURE = 10
"""Items whose scores a summary names, whether they need a look or not."""


@dataclass(frozen=True)
class RunSummary:
    """Totals of one run. A task is computed or reused: a reused one found its artefact in the store."""

    run_id: str
    name: str
    engine: str
    executor: str
    out: str
    """Folder of the outputs, absolute."""
    started_at: float
    """Seconds since the epoch."""
    ended_at: float
    items: int
    states: dict[str, int] = field(default_factory=dict)
    """Items by state; states that no item is in are left out."""
    finished_earlier: int = 0
    """Items that an earlier run had finished; nothing was done for them."""
    frames: int = 0
    """Of the videos that this run looked into, as far as it has come."""
    frames_computed: int = 0
    """Frames of the chunks that this run computed."""
    seconds_by_stage: dict[str, float] = field(default_factory=dict)
    """Worker seconds; more than the run took when workers work side by side."""
    model_seconds: float = 0.0
    """Worker seconds inside the flow estimator and the engine, without what they read."""
    workers: int = 0
    """That were warm at one time, at the most."""
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By stage what this run computed: `frames` (of flow: pairs), worker `seconds`, `cpu_seconds`, `bytes`."""
    predicted: dict[str, Any] = field(default_factory=dict)
    """What was predicted before the run began (`Forecast.to_dict`) for the items it had to do; empty if nothing was."""
    tasks_reused: int = 0
    tasks_computed: int = 0
    chunks_reused: int = 0
    chunks_computed: int = 0
    flow: dict[str, float] = field(default_factory=dict)
    """What the run had from the flow cache: the figures of `FlowUse` that are not 0."""
    bytes_written: int = 0
    peak_rss_mb: float = 0.0
    """Of the worker process that needed most."""
    weights: dict[str, str] = field(default_factory=dict)
    """What the networks were read from, by network: name, digest, licence."""
    peak_device_mb: float = 0.0
    """Of GPU memory, in the worker that needed most; 0 without one."""
    halted: str = ""
    """Why the run stopped before its end; empty when it did not."""
    halted_kind: str = ""
    """Class name of the error that it was stopped for."""
    interrupted: bool = False
    """Somebody stopped it: Ctrl-C, or SIGTERM."""
    waited_for_store_s: float = 0.0
    """Seconds in which a store did not answer and the run waited for it."""
    quality: dict[str, Any] = field(default_factory=dict)
    """How sure the restored items' results are (`quality_totals`); empty where none was measured."""
    refined: dict[str, Any] = field(default_factory=dict)
    """Blocks that networks restored again (`refinement_totals`); empty where none was."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Items of the job that the run was told to leave out, by reason; they are in none of the other figures."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Work that was not needed in the items of this run (`skipped_work`); empty where nothing was skipped."""
    load: dict[str, Any] = field(default_factory=dict)
    """Queues and idle workers (`reelmend.pipelines.observe.utilization.RunUtilization`); empty where the run has not ended."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The last value of every series that docs/metrics.md lists; empty where the run has not ended."""

    @property
    def flow_use(self) -> FlowUse:
        return FlowUse.from_dict(self.flow)

    @property
    def flow_in_words(self) -> str:
        """One line, with what the time that was saved would have cost where the job says prices."""
        use, known = self.flow_use, self.predicted
        gpu_seconds = use.gpu_seconds_saved * known.get("gpus_per_worker", {}).get("flow", 1.0)
        worth = gpu_seconds * known.get("price_per_gpu_hour", 0.0)
        worth = (worth + use.cpu_seconds_saved * known.get("price_per_cpu_hour", 0.0)) / 3600
        saved = f"; recomputing it would have cost {readable_amount(worth)} {known['currency']}" if worth else ""
        return use.in_words() + saved

    @property
    def skipped_in_words(self) -> str:
        """For a person: what did not have to be computed; empty where everything had."""
        exited, repeated = self.skipped.get("windows_exited", 0), self.skipped.get("frames_repeated", 0)
        windows = f"{exited} of {self.skipped.get('windows', 0)} windows exited early" if exited else ""
        frames = f"{repeated} frames repeated the one before" if repeated else ""
        return ", ".join(filter(None, [windows, frames]))

    @property
    def memory(self) -> str:
        """For a person: what the largest worker needed."""
        on_gpu = f", {self.peak_device_mb:.0f} MB on its GPU" if self.peak_device_mb else ""
        return f"{self.peak_rss_mb:.0f} MB{on_gpu}"

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the run."""
        return max(0.0, self.ended_at - self.started_at)

    @property
    def frames_per_second(self) -> float:
        return self.frames_computed / self.seconds if self.seconds > 0 else 0.0

    @property
    def model_frames_per_second(self) -> float:
        """What one worker would do if it were inside the model all the time; 0 where nothing was computed."""
        return self.frames_computed / self.model_seconds if self.model_seconds > 0 else 0.0

    @property
    def efficiency(self) -> float:
        """Frames per second of the whole run over those of the model alone times the workers; docs/scheduling.md."""
        best = self.model_frames_per_second * self.workers
        return self.frames_per_second / best if best > 0 else 0.0

    @property
    def good(self) -> int:
        """Items whose output is there: restored or, with an empty mask, untouched."""
        return self.states.get(ItemState.RESTORED, 0) + self.states.get(ItemState.UNTOUCHED, 0)

    @property
    def bad(self) -> int:
        """Items that are quarantined or failed."""
        return self.states.get(ItemState.QUARANTINED, 0) + self.states.get(ItemState.FAILED, 0)

    @property
    def to_review(self) -> int:
        """Restored items that somebody should look at."""
        return int(self.quality.get("review", 0))

    @property
    def exit_status(self) -> int:
        """0: every item's output is there; 75: a store was away for too long; 3: some items are quarantined, failed or
        were not reached."""
        if self.halted_kind == FailureKind.STORE_AWAY:
            return EXIT_TRY_AGAIN
        return 0 if self.good == self.items and not self.halted else EXIT_INCOMPLETE

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able dict: the fields, and the figures derived from them for readers without this class."""
        derived = {
            "seconds": self.seconds,
            "frames_per_second": self.frames_per_second,
            "model_frames_per_second": self.model_frames_per_second,
            "efficiency": self.efficiency,
            "exit_status": self.exit_status,
        }
        return asdict(self) | derived

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunSummary":
        """Inverse of `to_dict`; unknown keys of a newer version are ignored."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


def summarise(
    rows: Iterable[ItemRow],
    *,
    run_id: str,
    name: str,
    engine: str,
    executor: str,
    out: str,
    started_at: float,
    ended_at: float,
    evicted: FlowUse = NO_USE,
    halted: str = "",
    halted_kind: str = "",
    workers: int = 0,
    left_out: Mapping[str, int] = MappingProxyType({}),
    predicted: dict[str, Any] | None = None,
) -> RunSummary:
    """Add up the rows of a run's ledger, and what the run removed from the flow cache."""
    rows = list(rows)
    states: dict[str, int] = {}
    seconds_by_stage: dict[str, float] = {}
    work: dict[str, dict[str, float]] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
        for stage, seconds in row.seconds.items():
            seconds_by_stage[stage] = seconds_by_stage.get(stage, 0.0) + seconds
        for stage, done in row.work.items():
            in_all = work.setdefault(stage, {})
            for what, number in done.items():
                in_all[what] = in_all.get(what, 0) + number
    return RunSummary(
        run_id=run_id,
        name=name,
        engine=engine,
        executor=executor,
        out=out,
        started_at=started_at,
        ended_at=ended_at,
        items=len(rows),
        states={state.value: states[state] for state in ItemState if state in states},
        finished_earlier=sum(row.reused for row in rows),
        frames=sum(row.frames for row in rows if not row.reused),
        work=work,
        predicted=predicted or {},
        frames_computed=sum(frames_computed(row) for row in rows),
        seconds_by_stage=seconds_by_stage,
        model_seconds=sum(row.model_seconds for row in rows),
        workers=workers,
        tasks_reused=sum(row.tasks_reused for row in rows),
        tasks_computed=sum(row.tasks_computed for row in rows),
        chunks_reused=sum(row.chunks_reused for row in rows),
        chunks_computed=sum(row.chunks_computed for row in rows),
        flow=total([*(row.flow for row in rows), evicted.to_dict()]),
        bytes_written=sum(row.bytes_written for row in rows),
        peak_rss_mb=max((row.peak_rss_mb for row in rows), default=0.0),
        peak_device_mb=max((row.peak_device_mb for row in rows), default=0.0),
        weights={
            key.removeprefix(WEIGHTS_FACT): str(value)
            for row in rows
            for key, value in row.facts.items()
            if key.startswith(WEIGHTS_FACT)
        },
        halted=halted,
        halted_kind=halted_kind,
        quality=quality_totals(rows),
        refined=refinement_totals(rows),
        left_out=dict(left_out),
        skipped=skipped_work(rows),
    )


def skipped_work(rows: Iterable[ItemRow]) -> dict[str, int]:
    """Add up `windows`, `windows_exited` and `frames_repeated` of the items that this run worked on, as far as any."""
    facts = [ItemFacts.from_map(row.facts) for row in rows if not row.reused]
    sums = {
        name: sum(getattr(known, name) or 0 for known in facts)
        for name in ("windows", "windows_exited", "frames_repeated")
    }
    return {name: number for name, number in sums.items() if number}


def quality_totals(rows: Iterable[ItemRow]) -> dict[str, Any]:
    """Return how many items have a score (`scored`) and need a look (`review`), `mean` and `lowest` score, and the
    `least_sure` items, ten at most, lowest first: `id`, `score`, and the `reason` of those that need a look."""
    scored = [(score, row.id, row) for row in rows if (score := row.quality_score) is not None]
    if not scored:
        return {}
    lowest = heapq.nsmallest(LEAST_SURE, scored, key=lambda each: each[:2])
    return {
        "scored": len(scored),
        "review": sum(row.review for _, _, row in scored),
        "mean": round(math.fsum(score for score, _, _ in scored) / len(scored), 4),
        "lowest": lowest[0][0],
        "least_sure": [{"id": name, "score": score, "reason": row.review_reason} for score, name, row in lowest],
    }


def frames_computed(row: ItemRow) -> int:
    """Frames of a row that this run computed itself, so that what it found in the store does not count as speed.

    The ledger counts chunks, not frames, as reused; blocks of a shot are of one length to within a frame, so the
    frames are shared out by chunks.
    """
    done = row.chunks_computed + row.chunks_reused
    return round(row.frames_done * row.chunks_computed / done) if done and not row.reused else 0
