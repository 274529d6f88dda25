"""`reelmend preview`: a few restored seconds of some items, before the run."""

import webbrowser
from typing import Annotated

import typer

from reelmend.pipelines.cli.guard import show_log
from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_bad, print_json, print_outputs, print_told
from reelmend.pipelines.observe.progress import choose_display
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import REPORT, WORK_FOLDER
from reelmend.pipelines.utils.text import visible


@takes_job
def preview(
    typed: JobOptions,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", min=0.1, help="Seconds to restore per item.")] = 3,
    items: Annotated[int, typer.Option("--items", metavar="N", min=1, help="Maximum number of items to restore.")] = 4,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Restore a few seconds of some items and write a page: before, mask, and after, zoomed in on the hole.

    Example: `reelmend preview --videos 'in/*.mp4' --masks text --out out`

    The seconds are those in which most is masked. `reelmend run` with the same job reuses what the preview computes.
    """
    job = typed.job()
    from reelmend.pipelines.preview.results import preview_job  # imports torch and PyAV, which --help does not need

    screen = console()
    show_log(job.log.format)
    previewed = preview_job(job, seconds, items, choose_display(screen, machine=as_json, log=job.log.format))
    outcome = previewed.outcome
    page = location_of(outcome.summary.out) / WORK_FOLDER / REPORT
    if as_json:
        outputs = [written for row in outcome.rows if (written := row.written)]
        print_json(
            {
                "page": str(page),
                "outputs": outputs,
                "not_shown": previewed.not_shown,
                "exit_status": previewed.exit_status,
            }
        )
        return previewed.exit_status
    print_told(screen, outcome.rows)
    print_bad(screen, outcome.summary, [row for row in outcome.rows if row.state.bad])
    for reason in previewed.not_shown:
        screen.print(f"not shown: {visible(reason)}", markup=False, soft_wrap=True)
    screen.print()
    print_outputs(screen, outcome.rows, outcome.summary.out)
    screen.print(f"page    {page}", soft_wrap=True)
    if show:
        webbrowser.open(str(page))
    return previewed.exit_status
