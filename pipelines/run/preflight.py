"""A job in which nothing can be restored is refused before anything starts: no Ray, no ledger, no table of zeros.

One item that can be tried is enough for a run; what is wrong with the others then costs them alone. So this looks at
items until it finds one. Items that an earlier run's ledger tells of stay there, and so does what a run's own folder
holds: the command that shows a failure again writes there.
"""

from collections.abc import Sequence
from pathlib import Path

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import engine_specs, wants_gpu
from reelmend.pipelines.errors import ConfigError, ItemError, MaskError, ReelmendError, SetupError
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.media.masks.expression import is_expression, read_expression
from reelmend.pipelines.media.masks.meant import meant_by
from reelmend.pipelines.media.masks.sources.registry import source_names, source_of
from reelmend.pipelines.media.source import NO_VIDEO
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import LEDGER, WORK_FOLDER
from reelmend.pipelines.tasks import Item

LOOKS = 200
"""Items that are looked at, at most; a larger job continues, and its items say what is wrong with each."""
DOUBTED = 20
"""Items whose masks are looked at before a run, at most."""
_SHOWN = 3
"""Of those, the problems that are printed: enough to see what they have in common."""


def refuse_hopeless(items: Sequence[Item], job: JobConfig, looks: Headers) -> None:
    """Raise ConfigError where no item has its mask and a file that is a video."""
    if len(items) > LOOKS and not _one_missing_mask(items):
        return
    out = location_of(job.out)
    if out.parent.name == WORK_FOLDER or Files(job.s3).exists(out / WORK_FOLDER / LEDGER):
        return
    problems: list[str] = []
    for item in items[:LOOKS]:
        problem = _problem(item, job, looks)
        if not problem:
            return
        problems.append(problem)
    lines = [f"nothing can be restored: {problems[0]}", *problems[1:_SHOWN]]
    more = [f"and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    raise ConfigError("\n".join([*lines, *more]))


def refuse_idle_settings(job: JobConfig) -> None:
    """Raise ConfigError for a device or a setting of mask files that nothing in the job would use.

    Asked where work begins, not where a job is read: the record of a run stays readable.
    """
    restores = job.mode is not Mode.masks
    if restores and job.device not in ("auto", "cpu") and not wants_gpu(job):
        others = " or ".join(name for name, spec in engine_specs().items() if spec.wants_gpu)
        raise ConfigError(
            f"device: {job.device}: engine {job.engine} has no networks and computes on the CPU; "
            f"use engine={others}, or device=auto"
        )
    written = job.input.masks
    if written is None or not is_expression(written) or read_expression(written).file:
        return
    for setting, is_set in (("mask.invert", job.mask.invert), ("mask.label", job.mask.label is not None)):
        if is_set:
            raise ConfigError(f"{setting}: is for mask files, and {written} names none")


def refuse_unusable_sources(items: Sequence[Item]) -> None:
    """Raise SetupError where this machine lacks what a mask source of the job needs."""
    expressions = {item.mask_expression for item in items if item.mask_expression}
    for name in dict.fromkeys(name for words in sorted(expressions) for name in read_expression(words).sources):
        problem = source_of(name).problem()
        if problem:
            raise SetupError(f"mask source {name}: {problem}")


def mask_doubts(items: Sequence[Item], job: JobConfig, looks: Headers) -> list[str]:
    """Return doubts about the masks of the first items, each once, before anything is computed."""
    found: dict[str, None] = {}
    for item in items[:DOUBTED]:
        if item.mask is None or item.problem or not isinstance(item.video, Path):
            continue
        try:
            config = apply_overrides(job, item.overrides).mask
            for doubt in looks.mask_doubts(item.mask, config, looks.video(item.video)):
                found[f"{item.mask}: {doubt}"] = None
        except ReelmendError:
            continue  # the probe says so, and quarantines the item
    return [*found]


def _one_missing_mask(items: Sequence[Item]) -> bool:
    """Whether all items have the same mask: then a look at a few says it of all."""
    return len({item.mask for item in items}) == 1


def _outside(words: str, size: tuple[int, int]) -> str:
    """Say that a shape of a mask misses the picture, empty where none does."""
    try:
        read_expression(words).refuse_outside(size)
    except MaskError as exc:
        return str(exc)
    return ""


def _problem(item: Item, job: JobConfig, looks: Headers) -> str:
    if item.problem:
        return item.problem
    if not isinstance(item.video, Path):  # a request an item is more than it is worth; its row says it later
        return ""
    try:
        if not looks.exists(item.video):
            return f"{item.video}: no such video"
        if item.mask is not None and not looks.exists(item.mask):
            return (
                f"{item.video}: its mask {item.mask} does not exist; {meant_by(item.mask.name)}pass --masks with one file "
                "for all videos, a pattern such as 'masks/{stem}.png', a box (box:LEFT,TOP,WIDTH,HEIGHT), or a mask source "
                f"({', '.join(source_names())}); without it, the mask is NAME_mask.png next to the video"
            )
        header = looks.video(item.video)
        if item.mask_expression:
            return _outside(item.mask_expression, header.display_size)
        settings = apply_overrides(job, item.overrides)
        if settings.mask.strict and item.mask is not None:
            doubts = looks.mask_doubts(item.mask, settings.mask, header)
            return f"{item.mask}: is doubtful (mask.strict): {doubts[0]}" if doubts else ""
    except ItemError as exc:
        return str(exc) if NO_VIDEO in str(exc) else ""
    except ReelmendError:  # a store that does not answer now: the run waits for it, or says so
        return ""
    return ""
