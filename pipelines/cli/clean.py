"""`reelmend clean`: remove what a finished run keeps beside its results."""

from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.options import AsJson, Debug, Out, Words
from reelmend.pipelines.cli.past_run import PastRun, find_past_run
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.observe.run_status import Life
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.storage.run_layout import LEASE
from reelmend.pipelines.utils.units import counted, readable_bytes, readable_count


def clean(
    words: Words = None,
    out: Out = None,
    replaced: Annotated[
        bool, typer.Option("--replaced", help="Also remove the earlier files in `_reelmend/replaced/`.")
    ] = False,
    unfinished: Annotated[
        bool,
        typer.Option(
            "--unfinished", help="Clean even if items are unfinished; a later run restores them from the beginning."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, without removing it.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Remove the intermediate results (parts and optical flow) of a finished run.

    Example: `reelmend clean out/ --dry-run`

    Keeps the outputs, the ledger and the report, and the next run still recognizes finished items. Also keeps flow that
    another run in progress needs.
    """
    past = find_past_run(words, None, out)
    _refuse_unfinished(past, unfinished=unfinished)
    from reelmend.pipelines.run.leftovers import elsewhere, remove_leftovers  # which imports numpy

    lease = nullcontext() if dry_run else lease_on(past.work / LEASE, past.summary.run_id, past.files)
    with lease:
        found = remove_leftovers(past.context, past.files, replaced=replaced, dry_run=dry_run)
    total = sum(one.bytes for one in found)
    if as_json:
        removed = [asdict(one) | {"place": str(one.place)} for one in found]
        kept = {"elsewhere": elsewhere(past.context)}
        print_json({"out": str(past.context.out), "dry_run": dry_run, "bytes": total, "removed": removed} | kept)
        return 0
    screen = console()
    table = Table.grid(padding=(0, 3))
    for one in found:
        files = f"{readable_count(one.files)} file{'' if one.files == 1 else 's'}"
        table.add_row(Text(one.kind), readable_bytes(one.bytes), files, Text(str(one.place)))
    screen.print(table)
    screen.print(f"{readable_bytes(total)} {'would be removed' if dry_run else 'removed'}", soft_wrap=True)
    for one in found:
        if one.needed_bytes:
            screen.print(f"{readable_bytes(one.needed_bytes)} of flow were kept, because a run in progress needs them")
    for setting in elsewhere(past.context):
        screen.print(f"{setting}: nothing was removed there, because other runs may use it", soft_wrap=True)
    return 0


def _refuse_unfinished(past: PastRun, *, unfinished: bool) -> None:
    """Raise ConfigError for a run in progress, and unless `unfinished` for one whose intermediate results are of use."""
    life, folder = past.standing.life, past.context.out
    if life in (Life.RUNNING, Life.BEGINNING):
        raise ConfigError(f"{folder}: the run is in progress; wait for it")
    failed = sum(row.state is ItemState.FAILED for row in past.rows)
    stopped = life is Life.STOPPED or past.summary.interrupted or bool(past.summary.halted)
    if unfinished or not (failed or stopped):
        return
    why = "the run did not finish" if stopped else f"{counted(failed, 'item')} failed"
    raise ConfigError(
        f"{folder}: {why}, so a resumed run would need these files; run the same command again to finish it, or use"
        " --unfinished"
    )
