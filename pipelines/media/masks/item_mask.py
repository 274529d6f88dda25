"""Mask of an item: a file, a drawing, or one that has to be made from the pictures."""

from reelmend.pipelines.choices import Mode
from reelmend.pipelines.config import JobConfig, MaskConfig
from reelmend.pipelines.media.masks.expression import FILE, MaskExpression, Term, read_expression
from reelmend.pipelines.media.masks.made import MADE_FORMAT
from reelmend.pipelines.media.masks.sources.registry import source_of
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.hashing import digest_of

_SINCE_THE_FIRST = ("threshold", "dilation", "numbered_from")
"""Settings that results were always named by; any other takes part where it is not the default."""
_OVER_TIME = ("persist", "fade")
_OF_FILES = ("threshold", "numbered_from", "invert", "label")


def making_of(item: Item, job: JobConfig) -> MaskExpression | None:
    """Return the expression by which an item's mask has to be made; None where it is read or drawn as it is needed."""
    over_time = any(getattr(job.mask, name) for name in _OVER_TIME)
    if item.mask_expression:
        expression = read_expression(item.mask_expression)
        return expression if over_time or job.mode is Mode.masks or expression.drawn is None else None
    wanted = over_time or job.mode is Mode.masks
    return MaskExpression((Term("+", FILE, path="mask"),)) if wanted and item.mask is not None else None


def recipe_of(item: Item, job: JobConfig) -> str:
    """Name what an item's mask is made by, besides pictures and the content of its file; empty for a plain file."""
    making = making_of(item, job)
    if making is not None:
        found = {name: getattr(job.find, name) for source in making.sources for name in source_of(source).settings}
        digests = {name: source_of(name).digest() for name in making.sources}
        over_time = {name: getattr(job.mask, name) for name in _OVER_TIME}
        of_file = {name: getattr(job.mask, name) for name in _OF_FILES} if making.file else {}
        return digest_of("made mask", MADE_FORMAT, making.text("FILE"), found, digests, over_time, of_file)
    if item.mask_expression:
        return digest_of("drawn mask", str(read_expression(item.mask_expression).drawn))
    return ""


def making_seconds(item: Item, job: JobConfig, size: tuple[int, int]) -> float:
    """Return about how many core-seconds a frame of (width, height) takes until the item's mask is made; 0 for others."""
    making = making_of(item, job)
    return sum(source_of(name).seconds_per_frame(size) for name in making.sources) if making else 0.0


def mask_settings(config: MaskConfig) -> dict[str, object]:
    """Return the settings by which a mask is read; those by which it is made are part of its recipe."""
    defaults = MaskConfig()
    changed = [name for name in _OF_FILES if getattr(config, name) != getattr(defaults, name)]
    return {name: getattr(config, name) for name in dict.fromkeys((*_SINCE_THE_FIRST, *changed))}
