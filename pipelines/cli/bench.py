"""`reelmend bench`: how fast is it here?"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.guard import guarded
from pipelines.cli.job_options import JobOptions
from pipelines.cli.options import AsJson, Debug, Preset, Words
from pipelines.cli.past_run import find_past_run
from pipelines.cli.screen import console, print_json
from pipelines.cost.rates_file import FILE_NAME
from pipelines.errors import ConfigError
from pipelines.stores.files import Files
from pipelines.stores.location import location_of
from pipelines.tasks import Stage

if TYPE_CHECKING:
    from pipelines.cost.rates import Rate

bench = typer.Typer(name="bench", no_args_is_help=True, rich_markup_mode="markdown")


@bench.callback()
def overview() -> None:
    """Measure what this machine does."""


def model(
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Size of the frames.")] = "432x240",
    frames: Annotated[int, typer.Option("--frames", help="Length of the clip.")] = 24,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
    rows: Annotated[str, typer.Option("--rows", help="Names with commas between; naive is always measured.")] = "all",
    ops: Annotated[bool, typer.Option("--ops", help="Count operations too, by network.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was measured there too.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Measure ProPainter's networks on this machine: the plain form, and what each switch gives; needs no weights.

    Exit status 1 if less is reached than was promised for the reference case, 24 frames of 432x240.

    Example: `reelmend bench model --rows naive,sdpa --frames 12`
    """
    from core_model.bench.run import run  # with it comes torch, which --help can do without

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
            "--from-run", metavar="JOB", help="Measure nothing: take what this run took (job file or folder)."
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--rates", metavar="FILE", help="Add them there; else to cost.rates, else to ./rates.yaml."),
    ] = None,
    machine: Annotated[
        str, typer.Option("--machine", metavar="NAME", help="Name it so, instead of by its parts.")
    ] = "",
    sizes: Annotated[str, typer.Option("--sizes", metavar="WxH,...", help="Sizes of the clips.")] = "432x240,864x480",
    frames: Annotated[int, typer.Option("--frames", help="Length of each clip.")] = 60,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Measure what a frame takes at each stage, for `reelmend plan`: with clips made here, or from a run that you did.

    A run of your own footage is the better measure: it also tells the bytes of flow, parts and outputs.

    Example: `reelmend bench rates --from-run out/`
    """
    # With these come torch and PyAV, which --help can do without.
    from pipelines.cost.rates import add_rates
    from pipelines.cost.rates_bench import measure_rates
    from pipelines.cost.rates_of_run import rates_of_run

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
        console().print(f"\n{len(measured)} rates written to {place}, which holds {held}", soft_wrap=True)
    return 0


def _print_rates(measured: Sequence["Rate"]) -> None:
    screen, first = console(), measured[0]
    screen.print(f"{first.machine}, engine {first.engine}; CPU seconds a frame (of flow: a pair; halo counted)\n")
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
        raise ConfigError(f"--sizes {text}: write WIDTHxHEIGHT of at least 32 pixels, as in 432x240,1280x720")
    return int(width) // 2 * 2, int(height) // 2 * 2


for command in (model, rates):
    bench.command()(guarded(command))
