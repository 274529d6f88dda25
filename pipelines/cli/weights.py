"""`reelmend weights`: list, fetch, import and verify the networks' weights."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.guard import guarded
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.engines.weights.find import Look, State, WeightFile, look
from reelmend.pipelines.engines.weights.folder import weights_folder
from reelmend.pipelines.engines.weights.registry import Entry, entry_of, registry
from reelmend.pipelines.errors import EXIT_INCOMPLETE, ConfigError

_STYLES = {State.PRESENT: "green", State.MISSING: "yellow", State.CHANGED: "red"}
_DIGEST_SHOWN = 12

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Names from `reelmend weights list`.", show_default=False),
]
AcceptLicence = Annotated[
    bool, typer.Option("--accept-license", help="Accept the licences that are shown. Read them first.")
]


weights = typer.Typer(name="weights", no_args_is_help=True, rich_markup_mode="markdown")


@weights.callback()
def overview() -> None:
    """Download, verify and list model weights. reelmend ships none; each file has its own licence."""


def list_weights(as_json: AsJson = False, debug: Debug = False) -> int:
    """List the known weights and whether each is installed.

    Example: `reelmend weights list`
    """
    folder = weights_folder()
    seen = [look(entry, folder) for entry in registry().values()]
    if as_json:
        print_json({"folder": str(folder), "weights": [_plain(one) for one in seen]})
    else:
        screen = console()
        screen.print(_table(seen))
        screen.print(f"\nfolder  {folder}", soft_wrap=True)
    return 0


def pull(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Download all known weights.")] = False,
    accept_license: AcceptLicence = False,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            metavar="PREFIX",
            help="Download PREFIX/FILE instead: https://..., s3://BUCKET/PREFIX or a folder (or REELMEND_WEIGHTS_MIRROR).",
        ),
    ] = None,
    debug: Debug = False,
) -> int:
    """Download weights and verify them. Run it again to resume an interrupted download.

    Example: `reelmend weights pull --all --accept-license`
    """
    entries = _chosen(names, every)
    _want_acceptance(entries, accept_license, "fetched")
    # These import torch and HTTP libraries, which --help and a missing acceptance do not need.
    from reelmend.pipelines.engines.weights.install import pull as fetch_one
    from reelmend.pipelines.engines.weights.open import source_of

    screen, folder = console(), weights_folder()
    for entry, source in [(entry, source_of(entry, mirror)) for entry in entries]:
        if look(entry, folder).state is not State.PRESENT:
            screen.print(f"{entry.name} from {source.name}", soft_wrap=True)
        with _progress(screen) as progress:
            task = progress.add_task(entry.file, total=None)
            file = fetch_one(entry, folder, source, partial(_advance, progress, task))
        _print_file(screen, file)
    return 0


def import_file(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Weights file.", show_default=False)],
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Name of these weights, from `reelmend weights list`.")
    ],
    accept_license: AcceptLicence = False,
    debug: Debug = False,
) -> int:
    """Verify a weights file that you already have, and install it.

    Example: `reelmend weights import ProPainter.pth --as ProPainter --accept-license`
    """
    entry = entry_of(name)
    _want_acceptance([entry], accept_license, "copied")
    from reelmend.pipelines.engines.weights.install import take_in  # imports torch

    _print_file(console(), take_in(path, entry, weights_folder()))
    return 0


def verify(names: Names = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Verify installed weights: digest, format, and every parameter. Exits with status 3 if a file is wrong.

    Example: `reelmend weights verify`
    """
    folder = weights_folder()
    entries = [entry_of(name) for name in names or ()]
    from reelmend.pipelines.engines.weights.install import verify as verify_one  # imports torch

    if not entries:
        entries = [entry for entry in registry().values() if (folder / entry.file).exists()]
    verdicts = [verify_one(entry, folder) for entry in entries]
    if as_json:
        documents = [_plain(verdict.seen) | {"problem": verdict.problem} for verdict in verdicts]
        print_json({"folder": str(folder), "right": all(not v.problem for v in verdicts), "weights": documents})
    else:
        screen = console()
        for verdict in verdicts:
            result = Text(f"wrong  {verdict.problem}", "red") if verdict.problem else Text("right", "green")
            screen.print(Text.assemble((verdict.seen.entry.name, "bold"), "  ", result), soft_wrap=True)
        if not verdicts:
            screen.print(
                f"no weights in {folder}; `reelmend weights list` shows which weights can be fetched", soft_wrap=True
            )
    return EXIT_INCOMPLETE if any(verdict.problem for verdict in verdicts) else 0


def _chosen(names: Sequence[str] | None, every: bool) -> list[Entry]:
    if every and not names:
        return list(registry().values())
    if every or not names:
        raise ConfigError(f"no weights given: use names ({', '.join(registry())}), or --all")
    return [entry_of(name) for name in dict.fromkeys(names)]


def _want_acceptance(entries: Sequence[Entry], accepted: bool, done: str) -> None:
    """Show the licences. Raises ConfigError if they were not accepted."""
    screen = console()
    for licence in dict.fromkeys(entry.licence for entry in entries):
        under = ", ".join(entry.name for entry in entries if entry.licence == licence)
        screen.print(Text.assemble((under, "bold"), f": {licence.name}. {licence.forbids}"), soft_wrap=True)
        screen.print(f"  {licence.url}", soft_wrap=True)
    if not accepted:
        raise ConfigError(f"nothing was {done}: read the licence, then add --accept-license to accept it")


def _table(seen: Sequence[Look]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("name", "network", "licence", "state", "SHA-256"):
        table.add_column(column, overflow="fold")
    for one in seen:
        state = Text(one.state, _STYLES[one.state])
        entry = one.entry
        table.add_row(entry.name, entry.network, entry.licence.name, state, one.sha256[:_DIGEST_SHOWN] or "-")
    return table


def _plain(seen: Look) -> dict[str, Any]:
    found = {"state": seen.state, "path": str(seen.path), "found_sha256": seen.sha256, "expected_sha256": seen.expected}
    return asdict(seen.entry) | found


def _print_file(screen: Console, file: WeightFile) -> None:
    screen.print(f"{file.name} installed: {file.path} (SHA-256 {file.sha256})", soft_wrap=True)


def _advance(progress: Progress, task: TaskID, done: int, total: int | None) -> None:
    progress.update(task, completed=done, total=total)


def _progress(screen: Console) -> Progress:
    """A bar on a terminal; nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


for command, name in ((list_weights, "list"), (pull, "pull"), (verify, "verify"), (import_file, "import")):
    weights.command(name)(guarded(command))
