"""Course of a tuning: clips, rows, the fastest settings that lose little, and a fresh measurement of them."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelmend.pipelines.engines.registry import check_engine, engine_of, find_weights, only_here, wants_gpu
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.forecast.rates_of_run import core_count, gpu_name, machine_name, processors_name
from reelmend.pipelines.job.load import LoadedJob
from reelmend.pipelines.tuning.candidates import CANDIDATES, Candidate, Situation, setting_of
from reelmend.pipelines.tuning.clips import FoundClips, clip_digest, clips_of
from reelmend.pipelines.tuning.descent import Verdict, descend, loss_of
from reelmend.pipelines.tuning.measure import TOO_LONG, Bench, Row
from reelmend.pipelines.tuning.records import Records

_CONFIRMATIONS = 2
"""Fresh measurements of the chosen row against the job's own; where both disagree with the search, nothing is changed."""
_BUSY = 0.5
"""Share of the time that a worker on a CPU computes; below it others took the machine."""
_LEAST_LIMIT_S = 30.0
_SLOWEST = 3.0
"""A row that takes so many times what the job's own settings take is ended: it is not faster."""


@dataclass(frozen=True)
class Limits:
    """What a tuning may take and lose."""

    budget_s: float = 600.0
    loss_db: float = 0.5
    clips: int = 2
    frames: int = 24
    """Of a clip."""
    vary: tuple[str, ...] = ()
    """Settings to vary; empty: all of `CANDIDATES`."""


@dataclass
class Outcome:
    """What was measured, and what it says."""

    machine: str
    found: FoundClips
    own: Row
    chosen: Row
    verdicts: list[Verdict]
    fresh: list[tuple[Row, Row]]
    """Own and chosen settings, measured again one after the other."""
    not_varied: list[tuple[str, str]] = field(default_factory=list)
    """Settings, and why they were left alone."""
    not_measured: list[str] = field(default_factory=list)
    on_gpu: bool = False
    measured: int = 0
    """Rows that were measured now; others were known."""

    @property
    def doubt(self) -> str:
        """Why the figures may not be the settings' own; empty where nothing speaks against them."""
        wanted = self.own.seconds_per_frame * self.own.workers
        share = self.own.cpu_seconds_per_frame / wanted if wanted else 1.0
        if self.on_gpu or share >= _BUSY:
            return ""
        return f"the machine is busy: a worker computed {share:.0%} of the time; measure again when it is idle"

    @property
    def speedup(self) -> float:
        """How many times as fast the chosen settings are, by the last fresh measurement."""
        own, chosen = self.fresh[-1] if self.fresh and self.chosen is not self.own else (self.own, self.chosen)
        return own.seconds_per_frame / chosen.seconds_per_frame

    @property
    def loss_db(self) -> float:
        """Largest loss of any clip."""
        return loss_of(self.chosen, self.own)


def tune(
    loaded: LoadedJob,
    records_file: Path,
    limits: Limits,
    tell: Callable[[str, Row | None], object],
    candidates: Sequence[Candidate] = CANDIDATES,
) -> Outcome:
    """Measure the job's own settings and others, one changed at a time, and return the fastest that lose little.

    Rows are kept in `records_file`: the same call again measures only what is missing. `tell` hears of each step and
    row. Raises ConfigError or SetupError where the job cannot be measured at all.
    """
    job = loaded.job
    if only_here(job):
        raise ConfigError(
            f"engine {job.engine} is registered in this process only, and rows are measured in processes of their own; "
            "install it as a plug-in"
        )
    varied, not_varied = _to_vary(loaded, limits.vary, candidates)
    check_engine(job, find_weights(job))
    tell("reading clips", None)
    found = clips_of(job, limits.clips, limits.frames)
    gpu = wants_gpu(job) and bool(gpu_name())
    machine = machine_name() if gpu else processors_name()
    records = Records(records_file, [clip_digest(clip) for clip in found.clips], machine)
    with tempfile.TemporaryDirectory(prefix="reelmend-tune-") as folder:
        bench = Bench(job, found.clips, Path(folder), cores=core_count(), gpu=gpu)
        session = Session(bench, records, limits, tell)
        own = session.own()
        size = max(((clip.frames.shape[2], clip.frames.shape[1]) for clip in found.clips), key=max)
        precisions = _precisions() if engine_of(job).wants_gpu else frozenset[str]()

        def situation(settings: Mapping[str, Any]) -> Situation:
            return Situation(bench.job_with(settings), size, core_count(), gpu, precisions)

        def on_verdict(verdict: Verdict) -> None:
            tell(verdict.why, verdict.row)

        search = descend(own, varied, situation, session.measure, limits.loss_db, on_verdict)
        chosen, fresh = session.confirm(own, search.best)
    return Outcome(
        machine=machine,
        found=found,
        own=own,
        chosen=chosen,
        verdicts=search.verdicts,
        fresh=fresh,
        not_varied=not_varied,
        not_measured=search.not_measured,
        on_gpu=gpu,
        measured=session.measured,
    )


class Session:
    """Measures within the budget, and keeps every row."""

    def __init__(
        self, bench: Bench, records: Records, limits: Limits, tell: Callable[[str, Row | None], object]
    ) -> None:
        self._bench, self._records, self._limits, self._tell = bench, records, limits, tell
        self._began = time.monotonic()
        self._own_took_s = 0.0
        self.measured = 0

    def own(self) -> Row:
        """Return the row of the job's own settings. Raises SetupError or ConfigError where they cannot be measured."""
        row = self._row({}, self._limits.budget_s)
        if row.failed == TOO_LONG:
            raise ConfigError(
                f"--budget {self._limits.budget_s:g}s is too short for one measurement of the job's own settings; give it "
                "more time, or fewer frames with --clip-frames"
            )
        if row.failed:
            raise SetupError(f"the job's own settings cannot be measured: {row.failed}")
        self._own_took_s = row.took_s
        self._tell("the job's own settings", row)
        return row

    def measure(self, settings: Mapping[str, Any]) -> Row | None:
        """Return a row, None where there is no time left to measure and confirm it. Raises ConfigError."""
        known = self._records.find(self._bench.job_with(settings), settings)
        if known is not None:
            return known
        if self._left_s() < (1 + 2) * self._own_took_s:
            return None
        return self._row(settings, max(_LEAST_LIMIT_S, _SLOWEST * self._own_took_s))

    def confirm(self, own: Row, best: Row) -> tuple[Row, list[tuple[Row, Row]]]:
        """Measure both again, one after the other; return `best` if it is at least as fast then, else `own`."""
        fresh: list[tuple[Row, Row]] = []
        while best is not own and len(fresh) < _CONFIRMATIONS:
            occasion = f"fresh {len(fresh)}"
            self._tell("measuring the job's own settings and the chosen ones again", None)
            again, faster = (self._row(row.settings, self._limits.budget_s, occasion) for row in (own, best))
            if again.failed or faster.failed:
                break
            fresh.append((again, faster))
            if faster.seconds_per_frame <= again.seconds_per_frame:
                return best, fresh
        return own, fresh

    def _row(self, settings: Mapping[str, Any], limit_s: float, occasion: str = "") -> Row:
        job = self._bench.job_with(settings)
        known = self._records.find(job, settings, occasion)
        if known is not None:
            return known
        row = self._bench.measure(settings, limit_s)
        self._records.keep(job, row, occasion)
        self.measured += 1
        return row

    def _left_s(self) -> float:
        return self._limits.budget_s - (time.monotonic() - self._began)


def _to_vary(
    loaded: LoadedJob, vary: Sequence[str], candidates: Sequence[Candidate]
) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """Return the settings to vary, and those that are left alone, with reasons. Raises ConfigError."""
    for key in vary:
        if setting_of(key, candidates) is None:
            known = ", ".join(candidate.key for candidate in candidates)
            raise ConfigError(f"--vary {key}: not a setting that is varied; there are {known}")
    varied, left = [], []
    for candidate in candidates:
        of_engine = not candidate.engines or loaded.job.engine in candidate.engines
        if not of_engine or (vary and candidate.key not in vary):
            continue
        if loaded.set_by_job(candidate.key):
            left.append((candidate.key, f"set by the job ({loaded.origins[candidate.key]}), which wins over a preset"))
        else:
            varied.append(candidate)
    return varied, left


def _precisions() -> frozenset[str]:
    import torch

    from reelmend.core_model.device.precision import usable_precision

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return frozenset(name for name in ("bf16", "fp16") if not usable_precision(name, device)[1])


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of a tuning as its preset holds them."""
    own, chosen = (
        outcome.fresh[-1] if outcome.fresh and outcome.chosen is not outcome.own else (outcome.own, outcome.chosen)
    )
    return {
        "clips": [{"item": clip.name, "frames": len(clip.frames), "hole": clip.scale} for clip in outcome.found.clips],
        "seconds_per_frame": {"own": round(own.seconds_per_frame, 5), "tuned": round(chosen.seconds_per_frame, 5)},
        "peak_mb_per_worker": {"own": round(own.memory_mb), "tuned": round(chosen.memory_mb)},
        "loss_db": round(outcome.loss_db, 3),
    }
