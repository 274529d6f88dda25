"""Rates from a past run's ledger; items of one size and kind of hole are one case."""

import math
import os
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import count_work, engine_of, speed_digest
from reelmend.pipelines.engines.worked_area import WHOLE, mean_worked, worked_of_facts
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.forecast.rates import Rate, codec_name
from reelmend.pipelines.forecast.result import CPU
from reelmend.pipelines.media.sizes import flow_size, process_size, with_side
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow, ItemState
from reelmend.pipelines.tasks import Stage

_CASES = 24
"""Entries that a run adds at most, those of the most frames."""


def rates_of_run(job: JobConfig, rows: Iterable[ItemRow], *, machine: str = "", made: bool = False) -> list[Rate]:
    """Return a rate a size of picture and of hole, of the items that were computed whole, without a second attempt.

    `machine` names what it ran on, by default this machine. `made`: the clips were made for it, and their bytes do not
    count. Raises ConfigError where the run has no such item.
    """
    if job.mode is Mode.outpaint:
        raise ConfigError("rates need a run with mode=inpaint, because a canvas and its source have different sizes")
    cases: dict[tuple[object, ...], list[ItemRow]] = {}
    for row in rows:
        if _is_whole(row):
            hole = round(math.log2(max(_missing(row), 1e-4)))
            cases.setdefault((row.width, row.height, _side(row), hole), []).append(row)
    if not cases:
        raise ConfigError("cannot measure rates: this run restored no item completely, in one attempt")
    most = sorted(cases.values(), key=lambda case: -sum(row.frames for row in case))[:_CASES]
    return [_rate(job, case, machine, made=made) for case in most]


def machine_name() -> str:
    """Return this machine's processors and, where there is one, its GPU, for a person."""
    gpu = gpu_name()
    return processors_name() + (f", {gpu}" if gpu else "")


def processors_name() -> str:
    """Return this machine's processors, for a person."""
    return f"{core_count()} x {_processor()}"


def core_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_name() -> str:
    """Return the first GPU's name, empty where there is none."""
    import torch

    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else ""


def _is_whole(row: ItemRow) -> bool:
    measured = row.frames > 1 and worked_of_facts(row.facts).regions > 0
    done = all(row.work.get(stage, {}).get("frames") for stage in Stage if stage is not Stage.FLOW or measured)
    return row.state is ItemState.RESTORED and done and not row.tasks_reused and row.attempts <= 1


def _missing(row: ItemRow) -> float:
    return ItemFacts.from_map(row.facts).masked_fraction or 0.0


def _side(row: ItemRow) -> int | None:
    return ItemFacts.from_map(row.facts).restored_side


def _rate(job: JobConfig, case: Sequence[ItemRow], machine: str, *, made: bool) -> Rate:
    size = case[0].width, case[0].height
    job = with_side(job, _side(case[0]))
    process, flow = process_size(size, job), flow_size(size, job)
    frames = sum(row.frames for row in case)
    restored = _total(case, Stage.INPAINT, "frames")
    missing = sum(_missing(row) * row.frames for row in case) / restored  # of the frames that were restored
    on_gpu = any(row.peak_device_mb for row in case)
    pixels = size[0] * size[1]
    worked = mean_worked([(worked_of_facts(row.facts), row.frames) for row in case]) or WHOLE
    return Rate(
        machine=machine or machine_name(),
        device=(gpu_name() or machine) if on_gpu else CPU,
        engine=job.engine,
        engine_digest=speed_digest(job),
        precision=engine_of(job).precision(job),
        size=size,
        process_size=process,
        flow_size=flow,
        missing=missing,
        worked=worked,
        items=len(case),
        frames=frames,
        seconds_per_frame=_per_frame(job, case, "seconds"),
        cpu_seconds_per_frame=_per_frame(job, case, "cpu_seconds"),
        made=made,
        measured=time.strftime("%Y-%m-%d"),
        codec=codec_name(job),
        flow_bytes_per_pixel=_share(
            _total(case, Stage.FLOW, "bytes"), _total(case, Stage.FLOW, "frames") * flow[0] * flow[1] * worked.flow
        ),
        part_bytes_per_pixel=_share(_total(case, Stage.INPAINT, "bytes"), missing * restored * pixels),
        output_bytes_per_pixel=_share(_total(case, Stage.STITCH, "bytes"), frames * pixels),
    )


def _per_frame(job: JobConfig, case: Sequence[ItemRow], what: str) -> dict[str, float]:
    counts = {stage: _total(case, stage, "frames") for stage in Stage}
    # A block looks at more frames than it restores: of those that were left out, none were looked at.
    counts[Stage.INPAINT] = sum(
        count_work(job, row.frames).frames_seen * row.work[Stage.INPAINT]["frames"] / row.frames for row in case
    )
    return {stage.value: _total(case, stage, what) / count for stage, count in counts.items() if count}


def _total(case: Iterable[ItemRow], stage: Stage, what: str) -> float:
    return sum(row.work.get(stage, {}).get(what, 0.0) for row in case)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        for line in cpus.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip() not in ("", "unknown"):
                return value.strip()
    return platform.processor() or platform.machine()
