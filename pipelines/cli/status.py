"""`reelmend status`: a run's progress or result."""

import json
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from reelmend.pipelines.cli.past_run import PastRun, find_past_run
from reelmend.pipelines.cli.screen import SHOWN, console, print_bad, print_json, print_review, print_told, print_totals
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.observe.heartbeat import Heartbeat
from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.overview import SlowItem, fraction_done
from reelmend.pipelines.observe.report.machine_views import gpu_in_words, memory_in_words
from reelmend.pipelines.observe.run_status import Life
from reelmend.pipelines.observe.speed_history import rates, sparkline
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.run_layout import CONFIG
from reelmend.pipelines.utils.text import visible_json
from reelmend.pipelines.utils.units import counted, readable_duration, readable_seconds

Watch = Annotated[bool, typer.Option("--watch", help="Refresh until the run ends.")]
Every = Annotated[
    float, typer.Option("--every", metavar="SECONDS", min=0.1, help="Refresh interval for --watch, in seconds.")
]


def status(
    words: Words = None,
    preset: Preset = None,
    out: Out = None,
    watch: Watch = False,
    every: Every = 5.0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show a run's progress or result, from any machine that can read its output folder.

    Example: `reelmend status --out out/`

    Shows items by state, frames/s, time left, slow and failing items, items to review, and whether the run is alive.
    With --watch and --json, prints one JSON document per line.
    """
    past = find_past_run(words, preset, out)
    screen = console()
    while True:
        if as_json:
            _print_json(past, lines=watch)
        else:
            if watch and screen.is_terminal:
                screen.clear()
            _print(screen, past)
        if not watch or past.standing.life not in (Life.RUNNING, Life.BEGINNING):
            return 0
        time.sleep(every)
        past = past.as_of_now()


def _print_json(past: PastRun, *, lines: bool) -> None:
    document = past.summary.to_dict() | {"ended": past.ended} | past.standing.to_dict()
    document |= {"now": past.now.to_dict() if past.now else None}
    if lines:
        typer.echo(visible_json(json.dumps(document, ensure_ascii=False)))
    else:
        print_json(document)


def _print(screen: Console, past: PastRun) -> None:
    stands = past.standing
    screen.print(Text.assemble((past.summary.name, "bold"), ": ", _heading(past)))
    print_totals(screen, past.summary)
    if stands.life is Life.RUNNING:
        left = stands.seconds_left
        to_go = _predicted(past.summary) if left is None else f"about {readable_seconds(left)} left"
        screen.print(f"now       {stands.frames_per_second:.1f} frames/s, {to_go}")
    print_now(screen, past.now)
    if stands.other_items:
        others = ", ".join(f"{count} {state}" for state, count in stands.other_items.items())
        screen.print(f"items of earlier runs, not in this one: {others}")
    _print_slow(screen, stands.slowest)
    _print_tried_again(screen, stands.tried_again[:SHOWN])
    print_review(screen, f"needs a look: {counted(len(stands.review), 'item')}", stands.review)
    print_told(screen, past.ledger.rows_of_run())
    print_bad(screen, past.summary, stands.bad)


def print_now(screen: Console, now: Now | None) -> None:
    """What the run has reported: how fast it was over time, its machines, and what it is waiting for."""
    if now is None:
        return
    if now.store_away:
        waited = readable_seconds(now.store_away_s)
        screen.print(Text(f"waiting for the store, which has not answered for {waited}: {now.store_away}", "bold red"))
    if line := sparkline(now.speed):
        most = max(rate for _, rate in rates(now.speed))
        screen.print(f"speed     {line}  at most {most:.1f} frames/s", highlight=False)
    for machine in now.machines[:SHOWN]:
        gpus = [f"GPU {gpu.name} {gpu_in_words(gpu)}, {memory_in_words(gpu.used_mb)} in use" for gpu in machine.gpus]
        memory = [f"{memory_in_words(machine.rss_mb)} of memory"] if machine.rss_mb else []
        words = ", ".join([counted(machine.workers, "worker"), *memory, *gpus])
        screen.print(Text(f"machine   {machine.name}: {words}"))
    for one in now.still:
        after = f" after {counted(one.frames, 'frame')}" if one.frames else ""
        said = f"stalled{after}: no progress for {readable_seconds(one.seconds)}"
        screen.print(Text(f"  {one.item}  {one.stage} {said}", "red"))


def _resume(past: PastRun) -> str:
    return f"resume with: reelmend run {past.work / CONFIG}"


def _predicted(summary: RunSummary) -> str:
    """The time left, as predicted before anything was done."""
    predicted = Forecast.from_dict(summary.predicted)
    what = "GPUs" if predicted.on_gpu else "cores"
    pools = ", ".join(f"{readable_duration(s)} on {n} {what}" for n, s in predicted.pool_seconds.items())
    return "too early to estimate the time left" + (f"; predicted: {pools}" if pools else "")


def _heading(past: PastRun) -> Text:
    stands, run = past.standing, past.ledger.head.run
    match stands.life:
        case Life.ENDED if past.summary.interrupted:
            return Text(f"run {run} was interrupted; {_resume(past)}", "yellow")
        case Life.ENDED if past.summary.halted:
            return Text(f"run {run} stopped on an error; fix it, then {_resume(past)}", "red")
        case Life.ENDED:
            return Text(f"run {run} has ended")
        case Life.RUNNING:
            return Text(f"run {run} is running ({_heartbeat(stands.sign)})", "green")
        case Life.BEGINNING:
            return Text(f"another run is starting ({_heartbeat(stands.sign)}); below is run {run}", "cyan")
        case Life.STOPPED:
            return Text(f"run {run} was stopped or killed ({_heartbeat(stands.sign)}); {_resume(past)}", "red")


def _heartbeat(sign: Heartbeat | None) -> str:
    if sign is None:
        return "no heartbeat"
    return f"last heartbeat {readable_seconds(sign.age_s)} ago from {sign.holder.host}, process {sign.holder.pid}"


def _print_slow(screen: Console, slowest: Sequence[SlowItem]) -> None:
    if not slowest:
        return
    in_progress = any(not slow.row.state.ended for slow in slowest)
    screen.print("\nlongest in progress" if in_progress else "\nslowest items", style="bold")
    table = Table.grid(padding=(0, 3))
    for slow in slowest:
        done = Text(f"{fraction_done(slow.row):.0%} done", "dim")
        table.add_row(Text(f"  {slow.row.id}"), slow.row.state_in_words, readable_seconds(slow.seconds), done)
    screen.print(table)


def _print_tried_again(screen: Console, tried_again: Sequence[tuple[ItemRow, str]]) -> None:
    if not tried_again:
        return
    screen.print("\nretried", style="bold")
    for row, error in tried_again:
        because = f": {error}" if error else ""
        screen.print(Text(f"  {row.id}  {row.state}, attempt {row.attempts}{because}", "yellow"))
