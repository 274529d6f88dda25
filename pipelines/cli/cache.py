"""`reelmend cache`: size, integrity and pruning of the cached optical flow."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.guard import guarded
from reelmend.pipelines.cli.options import AsJson, Debug, is_job_file
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import EXIT_INCOMPLETE, ConfigError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache.keys import FLOW_FOLDER
from reelmend.pipelines.storage.location import is_url, location_of
from reelmend.pipelines.storage.run_layout import WORK_FOLDER
from reelmend.pipelines.utils.units import bytes_of, readable_amount, readable_bytes, readable_count, seconds_of
from reelmend.pipelines.utils.user_paths import is_folder

if TYPE_CHECKING:
    from reelmend.pipelines.storage.flow_cache.stats import CacheStats, Share

SHOWN = 20
"""Damaged objects that a terminal shows; --json lists all."""

cache = typer.Typer(name="cache", no_args_is_help=True, rich_markup_mode="markdown")

Place = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB KEY=VALUE",
        help="A job file, a run's output folder, or the cache's folder or prefix (store.flow); then settings.",
        show_default=False,
    ),
]
MaxBytes = Annotated[
    str | None,
    typer.Option(
        "--max-bytes", metavar="BYTES", help="Size to shrink the cache to (500GB). Default: flow_cache.max_bytes."
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="TIME", help="Remove flow that has not been used for this long (30d, 12h)."),
]


@cache.callback()
def overview() -> None:
    """Inspect, verify and prune the cached optical flow of a job. Safe while runs use it."""


def stat(words: Place = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Show how much flow is cached, how it was computed, when it was last used, and how much live runs need.

    Example: `reelmend cache stat s3://footage/flow`
    """
    store, job = _find(words)
    from reelmend.pipelines.storage.flow_cache.stats import figures
    from reelmend.pipelines.storage.flow_cache.survey import survey

    found = figures(survey(store), job.flow_cache.max_bytes)
    a_month = found.bytes / 1e9 * job.cost.price_per_gb_month or None
    if as_json:
        extra = {"share_of_budget": found.share_of_budget, "price_a_month": a_month, "currency": job.cost.currency}
        print_json({"place": str(store.root)} | extra | asdict(found))
    else:
        _print(store, found, f", {readable_amount(a_month)} {job.cost.currency} a month" if a_month else "")
    return 0


def prune(
    words: Place = None,
    max_bytes: MaxBytes = None,
    older_than: OlderThan = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, without removing it.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Remove the least recently used flow, but never flow that a live run needs.

    Example: `reelmend cache prune job.yaml --max-bytes 2TB --older-than 30d`
    """
    store, job = _find(words)
    budget = job.flow_cache.max_bytes
    from reelmend.pipelines.storage.flow_cache.eviction import Limits
    from reelmend.pipelines.storage.flow_cache.eviction import prune as remove

    if max_bytes is None and older_than is None and not budget:
        raise ConfigError("no limit given: use --max-bytes or --older-than, or set flow_cache.max_bytes")
    limit = bytes_of(max_bytes) if max_bytes is not None else budget if older_than is None else None
    unused_s = None if older_than is None else seconds_of(older_than)
    pruned = remove(store, Limits(limit, unused_s), dry_run=dry_run)
    if as_json:
        print_json(asdict(pruned) | {"place": str(store.root), "bytes_left": pruned.bytes_left, "dry_run": dry_run})
        return 0
    screen = console()
    gone = f"{readable_count(pruned.segments)} segments ({readable_bytes(pruned.bytes)})"
    left = f"{readable_count(pruned.segments_before - pruned.segments)} ({readable_bytes(pruned.bytes_left)})"
    screen.print(f"{gone} {'would be removed' if dry_run else 'removed'}, {left} kept", soft_wrap=True)
    if pruned.needed_bytes:
        screen.print(f"live runs need {readable_bytes(pruned.needed_bytes)} of what was kept")
    return 0


def verify(words: Place = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Read every object and delete damaged ones (recomputed when needed). Exits with status 3 if any was damaged.

    Example: `reelmend cache verify out/`
    """
    store, _ = _find(words)
    from reelmend.pipelines.storage.flow_cache.verify import check_all

    checked = check_all(store)
    if as_json:
        print_json({"place": str(store.root)} | asdict(checked))
    else:
        screen = console()
        for key in checked.damaged[:SHOWN]:
            screen.print(Text(f"damaged, deleted: {store.root / key}", "red"), soft_wrap=True)
        whole = f"{readable_count(checked.objects)} objects read ({readable_bytes(checked.bytes)})"
        half = f"; {checked.half_written} half-written files were removed" if checked.half_written else ""
        screen.print(f"{whole}; damaged and deleted: {len(checked.damaged)}{half}")
    return EXIT_INCOMPLETE if checked.damaged else 0


def _find(words: Sequence[str] | None) -> tuple[Store, JobConfig]:
    """Return the cache, and the job that sets its budget and price. Raises ConfigError."""
    if not words:
        raise ConfigError(
            "no cache given: pass a job file, a run's output folder, or the folder or bucket prefix of the cache"
        )
    first, *overrides = words
    if not is_job_file(first) and not is_url(first) and not is_folder(first):
        raise ConfigError(f"{first}: not a job file (.yaml), a folder or a bucket prefix")
    job = load_job(location_of(first) if is_job_file(first) else None, None, overrides)
    files = Files(job.s3)
    if not is_job_file(first):
        place = location_of(first)
        config = place / WORK_FOLDER / "config.yaml"
        if files.look(config) is None:
            if not any(files.is_folder(place / folder) for folder in (FLOW_FOLDER, "flow_used")):
                raise ConfigError(f"{first}: not the output folder of a run, and holds no cached flow")
            return Store(place, files), job
        job = load_job(config, None, overrides, s3=job.s3)
    return RunContext("", job).open_flow_store(files), job


def _print(store: Store, found: "CacheStats", price: str) -> None:
    screen = console()
    screen.print(f"cached flow in {store.root}", soft_wrap=True)
    share = f", {found.share_of_budget:.0%} of {readable_bytes(found.max_bytes)}" if found.share_of_budget else ""
    table = Table.grid(padding=(0, 3))
    table.add_row("segments", readable_count(found.segments))
    table.add_row("bytes", readable_bytes(found.bytes) + share + price)
    if found.oldest_s is not None and found.newest_s is not None and found.least_used_s is not None:
        table.add_row("written", f"{_when(found.oldest_s)} to {_when(found.newest_s)}")
        table.add_row("least recent use", _when(found.least_used_s))
    screen.print(table)
    _print_shares("computed by", found.by_flow)
    _print_shares("needed by run", found.live_runs)


def _print_shares(title: str, shares: Sequence["Share"]) -> None:
    if not shares:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(title, overflow="fold")
    for name in ("segments", "bytes", "last used"):
        table.add_column(name, justify="right", no_wrap=True)
    for share in shares:
        used = _when(share.last_used_s) if share.segments else "-"
        table.add_row(Text(share.name), readable_count(share.segments), readable_bytes(share.bytes), used)
    screen = console()
    screen.print()
    screen.print(table)


def _when(seconds_since_epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds_since_epoch))


for command in (stat, prune, verify):
    cache.command()(guarded(command))
