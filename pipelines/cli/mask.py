"""`reelmend mask`: see the masks of a job, or write them, without restoring anything."""

from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.text import Text

from reelmend.pipelines.choices import Codec, Mode
from reelmend.pipelines.cli.draw import draw
from reelmend.pipelines.cli.guard import guarded, show_log
from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json, print_outputs, print_summary
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import EXIT_INCOMPLETE
from reelmend.pipelines.observe.progress import choose_display
from reelmend.pipelines.utils.units import counted, readable_share

mask = typer.Typer(name="mask", no_args_is_help=True, rich_markup_mode="markdown")

Items = Annotated[int, typer.Option("--items", metavar="N", min=1, help="Maximum number of items to show.")]


@mask.callback()
def overview() -> None:
    """Preview, make or draw masks. A mask comes from a file, a box, or a source such as `text` or `overlay`."""


@takes_job
def preview(typed: JobOptions, items: Items = 8, as_json: AsJson = False, debug: Debug = False) -> int:
    """Write a page that shows the masks of some items, before anything is restored.

    Example: `reelmend mask preview --videos 'in/*.mp4' --masks text --out out`

    The page has a contact sheet and a short video for each item. Masks that are made are kept for `reelmend run`.
    """
    job = typed.job()
    from reelmend.pipelines.preview.masks import MaskPreview, preview_masks  # imports PyAV, which --help does not need

    screen = console()

    def tell(shown: MaskPreview) -> None:
        if as_json:
            return
        figures = (
            shown.problem or f"{readable_share(shown.share)} masked, in {counted(shown.frames, 'frame')}: {shown.shown}"
        )
        screen.print(Text.assemble((shown.item, "bold"), f"  {figures}"), soft_wrap=True)
        for note in shown.notes:
            screen.print(Text(f"  note: {note}", "yellow"), soft_wrap=True)

    place, found = preview_masks(job, items, tell)
    if as_json:
        print_json({"page": str(place), "items": [asdict(shown) for shown in found]})
    else:
        screen.print(f"page  {place}", soft_wrap=True)
    return EXIT_INCOMPLETE if any(shown.problem for shown in found) else 0


@takes_job
def make(typed: JobOptions, as_json: AsJson = False, debug: Debug = False) -> int:
    """Write the mask of every video as a lossless video (or PNG images). Run it again to resume.

    Example: `reelmend mask make --videos 'in/*.mp4' --masks text --out masks`

    The masks can be edited, and used by `reelmend run --masks 'masks/{stem}_mask.mkv'`. They are not yet grown by
    mask.dilation.
    """
    job = as_masks(typed.job())
    from reelmend.pipelines.run.driver import run_items  # imports torch and PyAV, which --help does not need

    screen = console()
    show_log(job.log.format)
    outcome = run_items(job, choose_display(screen, machine=as_json, log=job.log.format))
    if as_json:
        outputs = [written for row in outcome.rows if (written := row.written)]
        print_json(outcome.summary.to_dict() | {"outputs": outputs})
    else:
        print_summary(screen, outcome.summary, outcome.rows)
        screen.print()
        print_outputs(screen, outcome.rows, job.out)
    return outcome.summary.exit_status


def as_masks(job: JobConfig) -> JobConfig:
    """Return the job that writes masks instead of restored videos."""
    from reelmend.pipelines.engines.registry import DEFAULT  # imports numpy, which --help does not need

    codec = Codec.png if job.stitch.codec is Codec.png else Codec.ffv1
    return replace(job, mode=Mode.masks, engine=DEFAULT.name, stitch=replace(job.stitch, codec=codec))


for command in (preview, make, draw):
    mask.command()(guarded(command))
