"""Diagnosis of a run's bottleneck, each finding with its figures and the settings to change."""

from collections.abc import Iterator
from dataclasses import dataclass

from reelmend.pipelines.engines.registry import find_spec
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.observe.utilization import RunUtilization
from reelmend.pipelines.tasks import Stage
from reelmend.pipelines.utils.units import readable_seconds

_MUCH = 0.2
"""Share of the time from which something is worth a sentence of advice."""
_FULL = 0.85
"""Workers that are at work for this share of the time are the bottleneck themselves."""


@dataclass(frozen=True)
class Finding:
    what: str
    """A sentence with its figures."""
    turn: str = ""
    """What to do about it; empty where there is nothing to do."""


_DOES = {
    Stage.PROBE: "probing (digests, decoding every frame once, masks)",
    Stage.FLOW: "optical flow",
    Stage.INPAINT: "inpainting",
    Stage.STITCH: "stitching (decoding, encoding, verifying)",
}
_CHEAPER = {
    Stage.PROBE: "use videos in a codec that decodes faster; plan.shots=false skips the search for cuts",
    Stage.FLOW: "lower flow.max_side, or share the flow of earlier runs over the same videos with store.flow",
    Stage.INPAINT: "lower process.max_side (half of it is about four times faster), or give the run more workers",
    Stage.STITCH: "set stitch.speed=veryfast, or another stitch.codec: ffv1 and prores encode faster than h265",
}


def diagnose(summary: RunSummary) -> list[Finding]:
    """Return what the run's own figures say, what took longest first; the rest needs a run that has ended."""
    if not summary.tasks_computed:
        return [Finding("This run computed nothing: everything was cached.")]
    load = RunUtilization.from_dict(summary.load)
    findings = [*_stages(summary, load)]
    if load.seconds:
        findings += [*_start(summary, load), *_workers(load), *_queues(load)]
    else:
        findings.append(Finding("Waiting and idle times are known when the run has ended."))
    return [*findings, *_cache(summary), *_trouble(summary)]


def _stages(summary: RunSummary, load: RunUtilization) -> Iterator[Finding]:
    seconds = {Stage(stage): value for stage, value in summary.seconds_by_stage.items() if value > 0}
    if not seconds:
        return
    total, first = sum(seconds.values()), _bottleneck(seconds, load)
    rest = ", ".join(
        f"{s} {seconds[s] / total:.0%}" for s in sorted(seconds, key=lambda s: -seconds[s]) if s is not first
    )
    waited = f"{load.ready.get(first, 0.0):.1f} of its tasks waited for a worker on average; " if load.apart else ""
    spec = find_spec(summary.engine)
    turn = spec.if_flow_is_slow if first is Stage.FLOW and spec is not None else ""
    yield Finding(
        f"The bottleneck is {first}: {waited}{_DOES[first]} took {seconds[first] / total:.0%} of the workers' time, "
        f"{readable_seconds(seconds[first])} of {readable_seconds(total)}" + (f" ({rest})." if rest else "."),
        turn or _CHEAPER[first],
    )


def _bottleneck(seconds: dict[Stage, float], load: RunUtilization) -> Stage:
    """What takes longest, where all share the same cores. Separate pools are judged by their queues."""
    queued = {stage: load.ready.get(stage, 0.0) for stage in seconds if stage is not Stage.PROBE}
    if load.apart and max(queued.values(), default=0.0) >= 1:
        return max(queued, key=lambda stage: queued[stage])
    return max(seconds, key=lambda stage: seconds[stage])


def _start(summary: RunSummary, load: RunUtilization) -> Iterator[Finding]:
    before_s, spec = summary.seconds - load.seconds, find_spec(summary.engine)
    if before_s > max(5.0, _MUCH * summary.seconds):
        yield Finding(
            f"Startup and shutdown took {readable_seconds(before_s)} of "
            f"{readable_seconds(summary.seconds)}: starting Ray, finding finished work, writing the report.",
            "this time is constant: process more items per run; for a few short clips, set run.executor=inline",
        )
    much_s = max(5.0, _MUCH * load.seconds)
    if load.first_chunk_s > much_s:
        first = (
            f"The first chunk started {readable_seconds(load.first_chunk_s)} after the first task was assigned, of "
            f"{readable_seconds(load.seconds)}"
        )
        # Only workers that keep tasks waiting start faster with other settings of the engine; a first probe or first
        # flow takes what it takes.
        if load.start_s > much_s:
            yield Finding(
                f"{first}; for {readable_seconds(load.start_s)} of it tasks were ready, and workers were starting and "
                "loading their engine.",
                "this time is constant" + (f"; {spec.if_start_is_slow}" if spec and spec.if_start_is_slow else ""),
            )
        else:
            yield Finding(
                f"{first}: it waited for the first probe and flow.",
                "this time is constant: process more items per run; shorter first videos let chunks start sooner",
            )


def _workers(load: RunUtilization) -> Iterator[Finding]:
    busy = 1 - load.idle_share
    who = f"{load.workers:.3g} workers were" if round(load.workers, 1) > 1 else "The one worker was"
    told = f"{who} at work for {busy:.0%} of the time"
    if busy >= _FULL:
        yield Finding(f"{told}.", "to make it faster, add workers (run.workers), GPUs or machines")
        return
    starved, held = (share / load.workers if load.workers else 0.0 for share in (load.starved, load.held))
    yield Finding(f"{told}; for {starved:.0%} no task was ready for them, for {held:.0%} tasks were ready.")
    if starved > _MUCH:
        yield _why_starved(load)
    if held > _MUCH:
        yield Finding(
            f"For {held:.0%} of the workers' time, tasks were ready but were not taken: workers were still starting, "
            "or all cores were busy with probes and stitches.",
            "check that `reelmend doctor` finds all cores; in a longer run, startup matters less",
        )


def _why_starved(load: RunUtilization) -> Finding:
    stitches, probes = (load.in_work.get(stage, 0.0) + load.ready.get(stage, 0.0) for stage in ("stitch", "probe"))
    if stitches > 1 and stitches > probes:
        return Finding(
            f"Meanwhile {stitches:.1f} videos were being stitched or waiting for it, on average.",
            _CHEAPER[Stage.STITCH] + "; more CPU cores beside the GPUs help too",
        )
    if probes > 1:
        return Finding(
            f"Meanwhile {probes:.1f} videos were being probed or waiting for it, on average.",
            "raise run.active_items, so that more videos are probed ahead; more CPU cores beside the GPUs help too",
        )
    return Finding(
        f"Few probes ({probes:.1f} on average) and few stitches ({stitches:.1f}) were in progress: there were too few "
        "videos, or the run waited for the last ones.",
        "process more items per run; lower plan.chunk_length, so that several workers share a long video",
    )


def _queues(load: RunUtilization) -> Iterator[Finding]:
    waiting = ", ".join(f"{stage} {load.ready.get(stage, 0.0):.1f}" for stage in Stage)
    working = ", ".join(f"{stage} {load.in_work.get(stage, 0.0):.1f}" for stage in Stage)
    yield Finding(f"Tasks waiting, on average: {waiting}; in progress: {working}.")


def _cache(summary: RunSummary) -> Iterator[Finding]:
    hits, misses = (summary.metrics.get(f"reelmend_flow_cache_{name}_total", 0.0) for name in ("hits", "misses"))
    flow_s = summary.seconds_by_stage.get(Stage.FLOW, 0.0)
    if hits + misses:
        each = f"; a computed one took {flow_s / misses:.2g} s" if misses else ""
        yield Finding(f"Flow: {hits:.0f} of {hits + misses:.0f} segments were in the cache{each}.")


def _trouble(summary: RunSummary) -> Iterator[Finding]:
    retries, steps, lost = (
        sum(value for series, value in summary.metrics.items() if series.startswith(name) and mark in series)
        for name, mark in (("reelmend_retries", ""), ("reelmend_oom_steps", ""), ("reelmend_tasks_total", '"lost"'))
    )
    if retries:
        yield Finding(
            f"{retries:.0f} attempts failed and were retried; {lost:.0f} attempts failed because their worker died.",
            "check the warnings in the log, and whether memory ran out (`reelmend status` shows the largest worker's)",
        )
    if steps:
        yield Finding(
            f"{steps:.0f} times a block or segment did not fit into memory and was retried smaller or given up.",
            "lower process.max_side, so that the first attempt fits, or use GPUs with more memory",
        )
