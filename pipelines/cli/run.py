"""`reelmend run`: restore every video in a job."""

import time
from dataclasses import replace
from typing import Annotated, Any

import typer

from reelmend.pipelines.cli.guard import show_log
from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.near_misses import WITHOUT_VALUE
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json, print_outputs, print_summary
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.observe.progress import choose_display
from reelmend.pipelines.run.selection import Selection, read_since
from reelmend.pipelines.storage.ledger import ItemRow, least_sure_first
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import REPORT, WORK_FOLDER
from reelmend.pipelines.tasks import TraceDetail

OnlyNew = Annotated[
    bool, typer.Option("--only-new", help="Skip items that an earlier run finished, successfully or not.")
]
RetryQuarantined = Annotated[
    bool,
    typer.Option("--retry-quarantined", help="Process only items that were quarantined or failed in earlier runs."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DATE|AGE",
        help="Process only items whose video or mask changed after: 2026-11-20, 2026-11-20T18:00, 36h, 7d.",
    ),
]


Draft = Annotated[
    bool, typer.Option("--draft", help="Restore with the cheap engine (propagation); outputs that were refined stay.")
]
Refine = Annotated[
    bool,
    typer.Option("--refine", help="Restore again, with the networks, the blocks whose score is below refine.below."),
]


Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="[=shapes,memory,stack | =nvtx]",
        help="Record traces of some tasks and a timeline of all tasks, for Perfetto; on request with shapes of tensors, "
        "memory, lines of code. nvtx: ranges for Nsight Systems instead of traces.",
    ),
]


@takes_job
def run(
    typed: JobOptions,
    only_new: OnlyNew = False,
    retry_quarantined: RetryQuarantined = False,
    since: Since = None,
    draft: Draft = False,
    refine: Refine = False,
    strict: Annotated[bool, typer.Option("--strict", help="Quarantine items whose masks are doubtful.")] = False,
    profile: Profile = None,
    debug_cuda: Annotated[
        bool, typer.Option("--debug-cuda", help="Slow: let errors of CUDA name their operator, and compile nothing.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Restore every video in a job. Run it again to resume.

    Example: `reelmend run --videos 'in/*.mp4' --masks mask.png --out out/ stitch.codec=ffv1`

    Items that an earlier run quarantined are retried. To process only some of the items, use --only-new,
    --retry-quarantined or --since. With --draft, then --refine, the networks compute only what needs them.
    """
    if draft and refine:
        raise ConfigError("--draft and --refine are two runs; run --draft first, then --refine")
    details = None if profile is None else _trace_details(profile)
    moment = None if since is None else read_since(since, time.time())
    selection = Selection(only_new=only_new, retry_quarantined=retry_quarantined, since=moment)
    job = typed.job()
    # This imports torch and PyAV: --help and a mistyped key need not wait for them.
    from reelmend.pipelines.engines.registry import refine_below
    from reelmend.pipelines.run.draft import as_draft, as_refined
    from reelmend.pipelines.run.driver import run_items
    from reelmend.pipelines.storage.run_layout import PROFILE_FOLDER

    job = replace(job, mask=replace(job.mask, strict=True)) if strict else job
    job = as_draft(job) if draft else as_refined(job) if refine else job
    screen = console()
    show_log(job.log.format)
    display = choose_display(screen, machine=as_json, log=job.log.format)
    outcome = run_items(job, display, selection, profile=details, debug_cuda=debug_cuda)
    summary, rows = outcome.summary, outcome.rows
    work = location_of(job.out) / WORK_FOLDER
    report = str(work / REPORT) if outcome.report else None
    if as_json:
        bad = [_brief(row) for row in rows if row.state.bad]
        review = [_brief(row) | {"score": row.quality_score} for row in least_sure_first(rows)]
        told = [_brief(row) | {"reason": row.told} for row in rows if row.told]
        outputs = [written for row in rows if (written := row.written)]
        found = {"outputs": outputs, "report": report, "bad": bad, "review": review, "told": told}
        print_json(summary.to_dict() | found)
    else:
        print_summary(screen, summary, rows)
        if refine and not summary.refined and not summary.bad:
            screen.print(f"No block scores below refine.below={refine_below(job):g}: nothing was refined.")
        screen.print()
        print_outputs(screen, rows, job.out)
        screen.print(f"report  {report or 'could not be written'}", soft_wrap=True)
        if summary.exit_status == 0 and summary.chunks_computed:
            screen.print(f"kept    intermediate results; `reelmend clean {job.out}` removes them", soft_wrap=True)
        if details is not None:
            screen.print(f"profile {work / PROFILE_FOLDER}: open it in ui.perfetto.dev, or run `reelmend profile`")
    return summary.exit_status


def _trace_details(typed: str) -> tuple[TraceDetail, ...]:
    """Read what follows `--profile=`. Raises ConfigError."""
    words = [] if typed == WITHOUT_VALUE["--profile"] else typed.split(",")
    unknown = [word for word in words if word not in list(TraceDetail)]
    if unknown:
        raise ConfigError(
            f"--profile: '{unknown[0]}' is not one of {', '.join(TraceDetail)}; --profile alone records traces"
        )
    details = tuple(TraceDetail(word) for word in words)
    if TraceDetail.NVTX in details and len(details) > 1:
        raise ConfigError("--profile=nvtx records no traces that could have details; use it alone")
    return details


def _brief(row: ItemRow) -> dict[str, Any]:
    reason = row.review_reason or row.reason
    return {"id": row.id, "video": row.video, "state": row.state, "kind": row.kind, "reason": reason}
