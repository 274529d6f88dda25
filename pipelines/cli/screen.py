"""Results of a run in a terminal."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.observe.comparison import Comparison, compare
from reelmend.pipelines.observe.progress_live import STATE_STYLES
from reelmend.pipelines.observe.refinement import refinement_in_words
from reelmend.pipelines.observe.reproduce import reproduce_command
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger import ItemRow, ItemState, least_sure_first
from reelmend.pipelines.utils.text import visible, visible_json
from reelmend.pipelines.utils.units import counted, readable_bytes, readable_seconds


class VisibleConsole(Console):
    """Whatever text comes through it, control characters in it are written out; its own styles are no text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\n"))


SHOWN = 20
"""Bad items, and items to review, that a terminal shows; the report shows all."""
_FEW = 5
"""Outputs whose paths are printed; of more, the folder."""
_LEAST_SURE = 5
"""Items to review that are named at the end of a run."""


def console() -> Console:
    """Return a console on the current stdout; a pipe gets lines wide enough to search."""
    return VisibleConsole(
        file=sys.stdout, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160
    )


def print_json(document: Any) -> None:
    typer.echo(visible_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_summary(screen: Console, summary: RunSummary, rows: Sequence[ItemRow]) -> None:
    """Print the totals, then oddities, items to review, and failures with the commands that reproduce them."""
    print_totals(screen, summary)
    print_told(screen, rows)
    look = f"{summary.to_review} of {counted(summary.items, 'item')} may need a look; see the report"
    print_review(screen, look, least_sure_first(rows)[:_LEAST_SURE])
    print_bad(screen, summary, [row for row in rows if row.state.bad])


def print_outputs(screen: Console, rows: Sequence[ItemRow], out: str) -> None:
    """Print where the outputs are: each path of a few, the folder of many."""
    outputs = [written for row in rows if (written := row.written)]
    for output in outputs if len(outputs) <= _FEW else ():
        screen.print(Text(f"output  {output}"), soft_wrap=True)
    if len(outputs) > _FEW:
        screen.print(Text(f"outputs {counted(len(outputs), 'video')} in {out}"), soft_wrap=True)


def print_totals(screen: Console, summary: RunSummary) -> None:
    table = Table.grid(padding=(0, 3))
    table.add_row("items", _states(summary))
    table.add_row("frames", f"{summary.frames_computed} computed, {summary.frames_per_second:.1f} frames/s")
    table.add_row("chunks", f"{summary.chunks_computed} computed, {summary.chunks_reused} reused")
    if summary.refined:
        table.add_row("refined", refinement_in_words(summary.refined))
    if summary.flow:
        table.add_row("flow", summary.flow_in_words)
    if summary.skipped_in_words:
        table.add_row("saved", summary.skipped_in_words)
    table.add_row("time", f"{readable_seconds(summary.seconds)} (by stage, over all workers: {_stages(summary)})")
    if summary.efficiency:
        alone = f"of the ideal {summary.model_frames_per_second * summary.workers:.1f} frames/s ({_workers(summary)})"
        table.add_row("efficiency", f"{summary.efficiency:.0%} {alone}")
    table.add_row("memory", f"{summary.memory} in the largest worker")
    table.add_row("written", readable_bytes(summary.bytes_written))
    screen.print(table)
    _print_comparisons(screen, compare(summary))
    if summary.left_out:
        screen.print(f"skipped: {', '.join(f'{count} {reason}' for reason, count in summary.left_out.items())}")
    if summary.finished_earlier == summary.items and summary.items:
        screen.print("An earlier run finished every item; there was nothing to do.")
    if summary.left_out and not summary.items:
        screen.print("No items are left to process.")
    if summary.waited_for_store_s:
        screen.print(f"The run waited {readable_seconds(summary.waited_for_store_s)} for a store that did not answer.")
    if summary.halted:
        screen.print(Text(f"The run stopped: {summary.halted}", "bold red"))


def _print_comparisons(screen: Console, compared: Sequence[Comparison]) -> None:
    if not compared:
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("predicted and actual")
    for name in ("predicted", "actual", "actual / predicted"):
        table.add_column(name, justify="right")
    for row in compared:
        share = "" if row.share is None else f"{row.share:.2f}"
        table.add_row(row.name, row.predicted, row.actual, share)
    screen.print()
    screen.print(table)


def print_review(screen: Console, heading: str, rows: Sequence[ItemRow]) -> None:
    """Print the heading and the items, with scores and reasons; nothing if there are no items."""
    if not rows:
        return
    screen.print()
    screen.print(Text(heading, "bold yellow"))
    table = Table.grid(padding=(0, 3))
    for row in rows[:SHOWN]:
        table.add_row(Text(f"  {row.id}"), f"{row.quality_score:.2f}", Text(row.review_reason, "dim"))
    screen.print(table)
    if len(rows) > SHOWN:
        screen.print(f"and {len(rows) - SHOWN} more; see the report")


def print_told(screen: Console, rows: Sequence[ItemRow]) -> None:
    """Print why items are untouched, and notes about the masks of others."""
    told = [row for row in rows if row.told]
    for row in told[:SHOWN]:
        screen.print()
        screen.print(Text.assemble((str(row.state), STATE_STYLES[row.state]), "  ", (row.video, "bold")))
        screen.print(Text(f"  {row.told}", "yellow"))
    if len(told) > SHOWN:
        screen.print(f"\nand {len(told) - SHOWN} more items with notes: see the report")


def print_bad(screen: Console, summary: RunSummary, bad: Sequence[ItemRow]) -> None:
    for row in bad[:SHOWN]:
        where = f" ({row.stage})" if row.stage else ""
        screen.print()
        screen.print(Text.assemble((f"{row.state}{where}", STATE_STYLES[row.state]), "  ", (row.video, "bold")))
        screen.print(Text(f"  {row.reason}"))
        screen.print(Text(f"  {reproduce_command(row, summary.out)}", "dim"), soft_wrap=True)
    if len(bad) > SHOWN:
        screen.print(f"\nand {len(bad) - SHOWN} more; see the report")


def _states(summary: RunSummary) -> Text:
    parts: list[str | tuple[str, str]] = [f"{summary.items}: "]
    for index, (state, number) in enumerate(summary.states.items()):
        parts += [", " if index else "", (f"{number} {state}", STATE_STYLES.get(ItemState(state), "dim"))]
        if state == ItemState.RESTORED and summary.to_review:
            parts.append((f" ({summary.to_review} to review)", "yellow"))
    if summary.finished_earlier:
        parts.append(f" ({summary.finished_earlier} by an earlier run)")
    return Text.assemble(*parts)


def _workers(summary: RunSummary) -> str:
    return counted(summary.workers, "worker")


def _stages(summary: RunSummary) -> str:
    return (
        ", ".join(f"{stage} {readable_seconds(seconds)}" for stage, seconds in summary.seconds_by_stage.items())
        or "none"
    )
