"""The `reelmend` command: one file per subcommand, put together here. `cluster` adds those that need a cluster."""

from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from reelmend.pipelines.cli.bench import bench
from reelmend.pipelines.cli.cache import cache
from reelmend.pipelines.cli.clean import clean
from reelmend.pipelines.cli.demo import demo
from reelmend.pipelines.cli.doctor import doctor
from reelmend.pipelines.cli.guard import guarded
from reelmend.pipelines.cli.mask import mask
from reelmend.pipelines.cli.near_misses import Forgiving
from reelmend.pipelines.cli.plan import plan
from reelmend.pipelines.cli.preview import preview
from reelmend.pipelines.cli.profile import profile
from reelmend.pipelines.cli.report import report
from reelmend.pipelines.cli.run import run
from reelmend.pipelines.cli.schema import schema
from reelmend.pipelines.cli.serve import serve
from reelmend.pipelines.cli.status import status
from reelmend.pipelines.cli.tune import tune
from reelmend.pipelines.cli.weights import weights

app = typer.Typer(
    name="reelmend",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"reelmend {version('reelmend')}")
        raise typer.Exit


@app.callback()
def overview(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Restore videos at dataset scale: remove objects, wires, logos and scratches, fill missing regions.

    Start with `reelmend demo`. `reelmend schema` and docs/job-file.md list every setting of a job.

    Exit status: 0 every item is restored; 2 configuration or setup error, nothing was processed; 3 some items are
    quarantined or failed; 75 a store was unavailable, run the same command again later; 130 interrupted.
    """


_CLUSTER_COMMANDS = (point.load() for point in entry_points(group="reelmend.commands"))

for command in (
    demo,
    plan,
    tune,
    preview,
    run,
    status,
    serve,
    report,
    clean,
    profile,
    doctor,
    schema,
    *_CLUSTER_COMMANDS,
):
    app.command(cls=Forgiving)(guarded(command))
app.add_typer(weights)
app.add_typer(bench)
app.add_typer(cache)
app.add_typer(mask)


def main() -> None:
    """Entry point of the `reelmend` command."""
    app()
