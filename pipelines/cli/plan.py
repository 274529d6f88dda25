"""`reelmend plan`: work, time and price of a run, before it starts."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.options import AsJson, Debug, Rates
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.job.preset_effects import PresetEffect, effect_line, preset_effects
from reelmend.pipelines.utils.logs import LogLine
from reelmend.pipelines.utils.units import readable_amount, readable_bytes, readable_count, readable_duration

if TYPE_CHECKING:
    from reelmend.pipelines.forecast.item_estimate import PlannedItem
    from reelmend.pipelines.forecast.result import Forecast

log = logging.getLogger("reelmend")

SHOWN = 40
"""Items a terminal shows; --json lists all that were opened."""

Probe = Annotated[
    bool,
    typer.Option(
        "--probe/--no-probe", help="Open videos and masks (at most plan.sample of them), or use only the manifest."
    ),
]


@takes_job
def plan(
    typed: JobOptions,
    probe: Probe = True,
    rates: Rates = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Estimate the items, chunks, frames, bytes, hours and price of a job without running it.

    If the job has more than `plan.sample` items, a random sample is opened. Hours are based on rates measured by
    `reelmend bench rates`.

    Example: `reelmend plan --manifest clips.parquet cost.price_per_cpu_hour=0.04`
    """
    job = typed.job(rates)
    from reelmend.pipelines.api import runs  # it imports PyAV: --help and a mistyped key need not wait for it

    planned = runs.plan(job, probe=probe)
    for line in planned.notes:
        log.warning(LogLine(line))
    if as_json:
        effects = [asdict(effect) for effect in preset_effects(job)]
        print_json(
            {"presets": effects, "items": [_plain(line) for line in planned.items], "totals": planned.totals.to_dict()}
        )
    else:
        _print(planned.items[:SHOWN], planned.totals, preset_effects(job))
    return 0


def _print(planned: Sequence["PlannedItem"], totals: "Forecast", presets: Sequence[PresetEffect]) -> None:
    screen = console()
    if planned:
        _print_items(screen, planned)
        rest = totals.looked_at - len(planned)
        if rest:
            screen.print(f"and {rest} more (--json lists all)")
        screen.print()
    table = Table.grid(padding=(0, 3))
    for effect in presets:
        table.add_row("preset", Text(f"{effect.name}: {effect_line(effect)}"))
    for name, figures in _figures(totals):
        table.add_row(name, Text(figures))
    screen.print(table)
    for doubt in totals.doubts:
        screen.print(Text(f"note: {doubt}", "yellow"))
    for line in planned:
        for note in line.notes:
            screen.print(Text(f"note: {line.item.video}: {note}", "yellow"))
        if line.problem:
            screen.print(Text(f"will be quarantined: {line.item.video}: {line.problem}", "red"))


def _print_items(screen: Console, planned: Sequence["PlannedItem"]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("item", overflow="fold")
    for name in ("frames", "size", "fps", "chunks", "halo", "segments", "flow", "parts"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in planned:
        table.add_row(Text(line.item.id), *_cells(line))
    screen.print(table)


def _figures(totals: "Forecast") -> Iterator[tuple[str, str]]:
    looked = f", {readable_count(totals.looked_at)} opened" if totals.looked_at < totals.items else ""
    bad = f", about {readable_count(totals.quarantined)} will be quarantined" if totals.quarantined else ""
    yield "items", readable_count(totals.items) + looked + bad
    error = f" ± {readable_count(totals.frames_error)} (95 %)" if totals.frames_error else ""
    yield "frames", readable_count(totals.frames) + error
    yield "work", f"{readable_count(totals.chunks)} chunks, {readable_count(totals.segments)} segments"
    missing = "" if totals.missing is None else f" ({totals.missing:.1%} of the pixels are missing)"
    yield "flow", f"{readable_bytes(totals.flow_bytes)} in the cache"
    yield "parts", _bytes(totals.part_bytes) + missing
    yield "outputs", _bytes(totals.output_bytes)
    if totals.cpu_hours is None or totals.gpu_hours is None:
        return
    hours = f"{readable_amount(totals.gpu_hours)} GPU-hours and " if totals.on_gpu else ""
    error = f" ± {totals.work_error:.1%} for the sample" if totals.work_error else ""
    yield "hours", f"{hours}{readable_amount(totals.cpu_hours)} core-hours{error} ({_shares(totals.seconds)})"
    if totals.price is None:
        yield "price", f"not known: set cost.price_per_{'gpu' if totals.on_gpu else 'cpu'}_hour"
    else:
        yield "price", f"{readable_amount(totals.price)} {totals.currency}"
    unit = "GPUs" if totals.on_gpu else "cores"
    pools = ", ".join(f"{readable_duration(s)} on {pool}" for pool, s in totals.pool_seconds.items())
    yield "estimated time", f"{pools} {unit}"
    spread = f"; fit within {totals.rates_spread:.0%}" if totals.rates_spread >= 0.005 else ""
    measured = f"{readable_count(totals.rates_frames)} frames on {totals.machine}{spread}"
    yield "rates", f"{totals.rates}: {measured}"


def _bytes(number: int | None) -> str:
    return "not known" if number is None else readable_bytes(number)


def _shares(seconds: dict[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    return ", ".join(f"{stage} {part / total:.0%}" for stage, part in seconds.items())


def _cells(line: "PlannedItem") -> list[str]:
    if line.problem:
        return ["-"] * 8
    return [
        str(line.frames),
        f"{line.width}x{line.height}",
        f"{line.fps:g}" if line.fps else "?",
        str(line.chunks),
        f"{line.halo:.0%}",
        str(line.segments),
        readable_bytes(line.flow_bytes),
        "?" if line.part_bytes is None else readable_bytes(line.part_bytes),
    ]


def _plain(line: "PlannedItem") -> dict[str, Any]:
    item = line.item
    paths = {"id": item.id, "video": str(item.video), "mask": item.mask_name or None, "output": str(item.output)}
    return paths | {key: value for key, value in asdict(line).items() if key != "item"}
