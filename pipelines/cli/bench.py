"""`reelmend bench`: measure the speed of this machine."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reelmend.pipelines.cli.guard import guarded
from reelmend.pipelines.cli.job_options import JobOptions
from reelmend.pipelines.cli.options import AsJson, Debug, Preset, Words
from reelmend.pipelines.cli.past_run import find_past_run
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.forecast.rates import FILE_NAME
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.tasks import Stage

if TYPE_CHECKING:
    from reelmend.pipelines.forecast.rates import Rate

bench = typer.Typer(name="bench", no_args_is_help=True, rich_markup_mode="markdown")


@bench.callback()
def overview() -> None:
    """Measure the speed of this machine."""


def model(
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")] = "432x240",
    frames: Annotated[int, typer.Option("--frames", help="Length of the clip, in frames.")] = 24,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
    rows: Annotated[
        str, typer.Option("--rows", help="Rows to measure, comma-separated; naive is always measured.")
    ] = "all",
    ops: Annotated[bool, typer.Option("--ops", help="Also count the operations of each network.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the result to this file, as JSON.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Measure ProPainter's networks on this machine: a naive version, and the effect of each optimization. Needs no weights.

    Exits with status 1 if the reference case (24 frames of 432x240) is slower than its target.

    Example: `reelmend bench model --rows naive,sdpa --frames 12`
    """
    from reelmend.core_model.bench.run import run  # imports torch, which --help does not need

    try:
        good = run(size, frames, device, rows, operations=ops, json_file=json_file)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    return 0 if good else 1


def rates(
    words: Words = None,
    preset: Preset = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from-run",
            metavar="JOB",
            help="Take the rates from a previous run (job file or output folder) instead of measuring.",
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--rates", metavar="FILE", help="File to add the rates to. Default: cost.rates, else ./rates.yaml."
        ),
    ] = None,
    machine: Annotated[
        str, typer.Option("--machine", metavar="NAME", help="Name of this machine. Default: its processor or GPU.")
    ] = "",
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="WxH,...", help="Sizes of the clips, comma-separated.")
    ] = "432x240,864x480",
    frames: Annotated[int, typer.Option("--frames", help="Length of each clip, in frames.")] = 60,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Measure the time per frame of each stage, for `reelmend plan`, from generated clips or a previous run.

    A run over your own footage is more accurate and also measures the sizes of flow, parts and outputs.

    Example: `reelmend bench rates --from-run out/`
    """
    # These import torch and PyAV, which --help does not need.
    from reelmend.pipelines.forecast.rates import add_rates
    from reelmend.pipelines.forecast.rates_of_run import rates_of_run
    from reelmend.pipelines.run.rates_bench import measure_rates

    if from_run is not None:
        past = find_past_run([from_run, *(words or [])], preset, None)
        job, measured = past.context.job, rates_of_run(past.context.job, past.rows, machine=machine)
    else:
        job = JobOptions(words, preset).job()
        measured = measure_rates(job, [_size(size) for size in sizes.split(",")], frames, machine)
    place = location_of(file or job.cost.rates or FILE_NAME)
    held = add_rates(place, measured, Files(job.s3))
    if as_json:
        print_json({"rates": [asdict(rate) for rate in measured], "file": str(place)})
    else:
        _print_rates(measured)
        console().print(f"\n{len(measured)} rates written to {place}, which now holds {held}", soft_wrap=True)
    return 0


def _print_rates(measured: Sequence["Rate"]) -> None:
    screen, first = console(), measured[0]
    screen.print(
        f"{first.machine}, engine {first.engine}; CPU seconds per frame (flow: per pair of frames; halo included)\n"
    )
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for name in ("size", "missing", "frames", *Stage, "flow B/px", "parts B/px", "outputs B/px"):
        table.add_column(name, justify="right")
    for rate in measured:
        seconds = [f"{rate.cpu_seconds_per_frame.get(stage, 0):.4f}" for stage in Stage]
        known = (rate.flow_bytes_per_pixel, rate.part_bytes_per_pixel, rate.output_bytes_per_pixel)
        each = ["" if value is None else f"{value:.3f}" for value in known]
        table.add_row(f"{rate.size[0]}x{rate.size[1]}", f"{rate.missing:.1%}", str(rate.frames), *seconds, *each)
    screen.print(table)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.strip().partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 32):
        raise ConfigError(
            f"--sizes {text}: not valid sizes; use WIDTHxHEIGHT of at least 32 pixels each, such as 432x240,1280x720"
        )
    return int(width) // 2 * 2, int(height) // 2 * 2


for command in (model, rates):
    bench.command()(guarded(command))
