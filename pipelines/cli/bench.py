"""`reelmend bench`: how fast is it here?"""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.guard import guarded
from pipelines.cli.options import Debug
from pipelines.errors import ConfigError

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


bench.command()(guarded(model))
