"""`reelmend profile`: the bottleneck of a run, and settings to change."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from reelmend.pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from reelmend.pipelines.cli.past_run import PastRun, find_past_run
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import ConfigError

if TYPE_CHECKING:
    from reelmend.pipelines.observe.diagnosis import Finding
    from reelmend.pipelines.observe.timeline import Span


def profile(
    words: Words = None, preset: Preset = None, out: Out = None, as_json: AsJson = False, debug: Debug = False
) -> int:
    """Find a run's bottleneck and suggest settings to change. `run --profile` records more details.

    Example: `reelmend profile --out out/`
    """
    from reelmend.pipelines.observe.diagnosis import diagnose

    past = find_past_run(words, preset, out)
    findings = [*diagnose(past.summary), *_recorded(past)]
    if as_json:
        print_json({"run_id": past.summary.run_id, "findings": [asdict(finding) for finding in findings]})
        return 0
    screen = console()
    screen.print(f"{past.summary.name}: {'how the run went' if past.ended else 'the run so far'}")
    for finding in findings:
        screen.print(Text(f"- {finding.what}"), soft_wrap=True)
        if finding.turn:
            screen.print(Text(f"  change: {finding.turn}", "yellow"), soft_wrap=True)
    return 0


def _recorded(past: PastRun) -> "Iterator[Finding]":
    """Findings from the files of `run --profile`, if there are any."""
    from reelmend.pipelines.observe.profile_findings import from_timeline, from_traces, read_trace
    from reelmend.pipelines.observe.timeline import read_spans, stage_of_trace
    from reelmend.pipelines.storage.run_layout import PROFILE_FOLDER, TIMELINE
    from reelmend.pipelines.tasks import Stage

    traces = defaultdict(list)
    spans: list[Span] = []
    for entry in past.files.walk(past.context.work / PROFILE_FOLDER):
        name, packed = entry.place.name, past.files.read(entry.place) or b""
        try:
            if name == TIMELINE:
                spans = read_spans(packed)
            elif stage := stage_of_trace(name):
                traces[stage].append(read_trace(packed))
        except ValueError as exc:
            raise ConfigError(
                f"{entry.place} cannot be read ({exc}); run `reelmend run --profile` again to rewrite it"
            ) from exc
    yield from from_timeline(spans)
    for stage in Stage:
        if traces[stage]:
            yield from from_traces(stage, traces[stage])
