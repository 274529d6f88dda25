"""`reelmend plan`: what would a run do, before it costs anything?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipelines.cli.options import AsJson, Debug, Manifest, Masks, Out, Preset, Videos, Words, job_of
from pipelines.cli.screen import console, print_json
from pipelines.units import readable_bytes

if TYPE_CHECKING:
    from pipelines.estimate import PlannedItem

SHOWN = 40
"""Items a terminal shows; --json lists all."""


def plan(
    words: Words = None,
    preset: Preset = None,
    videos: Videos = None,
    masks: Masks = None,
    manifest: Manifest = None,
    out: Out = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show the items, chunks, frames and bytes of a job without doing it.

    Example: `reelmend plan --videos 'in/*.mp4' --masks mask.png`
    """
    job = job_of(words, preset, videos, masks, manifest, out)
    from pipelines.estimate import plan_job  # with it come torch and PyAV: --help and a mistyped key need not wait

    planned = plan_job(job)
    if as_json:
        print_json({"items": [_plain(line) for line in planned], "totals": _totals(planned)})
    else:
        _print(planned)
    return 0


def _print(planned: Sequence["PlannedItem"]) -> None:
    screen = console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("item", overflow="fold")
    for name in ("frames", "size", "fps", "chunks", "halo", "segments", "flow", "parts"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in planned[:SHOWN]:
        table.add_row(Text(line.item.id), *_cells(line))
    screen.print(table)
    if len(planned) > SHOWN:
        screen.print(f"and {len(planned) - SHOWN} more (--json lists all)")
    totals = _totals(planned)
    unknown = f" and those of {totals['part_bytes_unknown']} items" if totals["part_bytes_unknown"] else ""
    counts = ", ".join(f"{totals[what]} {what}" for what in ("items", "frames", "segments", "chunks"))
    flow, parts = readable_bytes(totals["flow_bytes"]), readable_bytes(totals["part_bytes"])
    screen.print(f"\n{counts}; flow {flow}, parts {parts}{unknown}")
    for line in planned:
        for note in line.notes:
            screen.print(Text(f"note: {line.item.video}: {note}", "yellow"))
        if line.problem:
            screen.print(Text(f"will be quarantined: {line.item.video}: {line.problem}", "red"))


def _cells(line: "PlannedItem") -> list[str]:
    if line.problem:
        return ["-"] * 8
    return [
        str(line.frames),
        f"{line.width}x{line.height}",
        f"{line.fps:g}",
        str(line.chunks),
        f"{line.halo:.0%}",
        str(line.segments),
        readable_bytes(line.flow_bytes),
        "?" if line.part_bytes is None else readable_bytes(line.part_bytes),
    ]


def _totals(planned: Sequence["PlannedItem"]) -> dict[str, int]:
    usable = [line for line in planned if not line.problem]
    return {
        "items": len(planned),
        "quarantined": len(planned) - len(usable),
        "frames": sum(line.frames for line in usable),
        "chunks": sum(line.chunks for line in usable),
        "segments": sum(line.segments for line in usable),
        "flow_bytes": sum(line.flow_bytes for line in usable),
        "part_bytes": sum(line.part_bytes or 0 for line in usable),
        "part_bytes_unknown": sum(line.part_bytes is None for line in usable),
    }


def _plain(line: "PlannedItem") -> dict[str, Any]:
    item = line.item
    mask = None if item.mask is None else str(item.mask)
    paths = {"id": item.id, "video": str(item.video), "mask": mask, "output": str(item.output)}
    return paths | {key: value for key, value in asdict(line).items() if key != "item"}
