"""Jobs from Python: load one, plan it, run it, read what a run wrote."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.api.progress import CallbackDisplay, ProgressCallback
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.item_estimate import PlannedItem, plan_item
from reelmend.pipelines.forecast.rates import rates_beside, rates_for
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.forecast.totals import flow_bytes_per_pixel, part_bytes_per_pixel
from reelmend.pipelines.job import load
from reelmend.pipelines.job.found_videos import PassedOver
from reelmend.pipelines.job.manifest import walk
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.run.driver import RunOutcome, run_items
from reelmend.pipelines.run.selection import Selection
from reelmend.pipelines.storage import ledger
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.location import Location, location_of
from reelmend.pipelines.storage.run_layout import LEDGER, WORK_FOLDER


@dataclass(frozen=True)
class Plan:
    """What a job will take."""

    totals: Forecast
    """Of the whole job: items, frames, hours, price."""
    items: tuple[PlannedItem, ...]
    """Those that were opened, at most `plan.sample` of the job."""
    notes: tuple[str, ...] = ()
    """Files beside the videos that are not taken as videos, and why."""


def load_job(
    file: str | Path | None = None,
    *,
    preset: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> JobConfig:
    """Return a checked job from a job file, presets and settings; later ones win.

    Args:
        file: Path or s3:// address of a job file (YAML). Its relative paths start at its own folder.
        preset: Name of a preset, or path of a file of settings (.yaml), as in `reelmend run --preset`; several are laid
            one over the other in order.
        settings: Settings by their key in a job file, such as {"input.videos": ["in/*.mp4"], "stitch.codec": "ffv1"}.
            Relative paths start in the current directory.

    Raises:
        ConfigError: With one line for each problem.
    """
    place = None if file is None else location_of(str(file))
    job = load.load_job(place, preset, flags=settings, origin="settings")
    return replace(job, cost=replace(job.cost, rates=rates_beside(place, job)))


def plan(job: JobConfig, *, probe: bool = True) -> Plan:
    """Predict the work, time and price of a job; nothing is decoded or written.

    Args:
        job: The job.
        probe: Whether to open headers and masks, of at most `plan.sample` items. Otherwise figures come from the
            manifest alone.

    Raises:
        ConfigError: The job has no items, or its outputs collide.
    """
    passed, rates = PassedOver(), rates_for(job)
    totals, looked = forecast(walk(job, passed), job, rates, looks=job.plan.sample if probe else 0)
    sizes = {"flow_bytes_per_pixel": flow_bytes_per_pixel(rates), "part_bytes_per_pixel": part_bytes_per_pixel(rates)}
    items = [plan_item(one, load.apply_overrides(job, one.item.overrides), **sizes) for one in looked]
    return Plan(totals, tuple(items), tuple(passed.lines))


def run_job(
    job: JobConfig,
    *,
    progress: ProgressCallback | None = None,
    only_new: bool = False,
    retry_quarantined: bool = False,
    since: float | None = None,
) -> RunSummary:
    """Restore every video of a job; the same call again resumes. Nothing is printed.

    Items that cannot be restored do not raise: they are quarantined, counted in `states` of the summary, and their rows
    say why (`read_ledger`). Signal handlers are installed in the main thread only, and removed at the end.

    Args:
        job: The job.
        progress: Function that is called with a `ProgressUpdate` a few times per second in a run in this process, and
            whenever an item changes.
        only_new: Skip items that an earlier run finished, successfully or not.
        retry_quarantined: Process only items that earlier runs quarantined or that failed.
        since: Process only items whose video or mask changed since, in seconds since the epoch.

    Raises:
        ConfigError: The job is wrong; nothing was done.
        SetupError: This machine lacks something that the job needs.
        StoreAway: A store does not answer; try again later.
    """
    selection = Selection(only_new=only_new, retry_quarantined=retry_quarantined, since=since)
    return run_quietly(job, progress, selection).summary


def run_quietly(job: JobConfig, progress: ProgressCallback | None, selection: Selection) -> RunOutcome:
    """Run a job without a display, and return its summary and rows."""
    if progress is None:
        return run_items(job, SilentDisplay(), selection)
    display = CallbackDisplay(progress)
    with ExitStack() as stack:
        stack.enter_context(PROGRESS.heard_by(display.sign))
        return run_items(job, display, selection)


def read_ledger(run: str | Path | JobConfig) -> list[ItemRow]:
    """Return one row for each item of a run's output folder, also while the run is in progress.

    Args:
        run: Output folder, a path or an s3:// address, or the job that writes there.

    Raises:
        ConfigError: No run has written there.
    """
    out: Location = location_of(run.out if isinstance(run, JobConfig) else str(run))
    files = Files(run.s3) if isinstance(run, JobConfig) else Files()
    return ledger.read_ledger(out / WORK_FOLDER / LEDGER, files)
