"""Digests of videos and masks, cached while the file is unchanged."""

from dataclasses import asdict, dataclass, field

from reelmend.pipelines.errors import SourceChanged
from reelmend.pipelines.media.digest import digest_source
from reelmend.pipelines.media.masks.item_mask import recipe_of
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_json, put_json
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.stamp import NO_STAMP, Stamp, stamp_of
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.hashing import digest_of


@dataclass(frozen=True)
class Seen:
    """A source as it was when it was digested."""

    mark: str
    """Of the file or folder, see `Files.mark`."""
    digest: str
    """Of its content."""
    stamp: Stamp = field(default=NO_STAMP, compare=False)
    """As it was when it was seen; not kept."""


NO_MASK = Seen("", "")


def see(place: Location, worker_context: WorkerContext) -> Seen | None:
    """Return the source's digest, None when it is not there; it is read if it was never digested or has changed."""
    parts = worker_context.files.parts_of(place)
    if parts is None:
        return None
    stamp = stamp_of(parts)
    key = f"digests/{digest_of('seen', str(place.absolute()))}"
    known = get_json(worker_context.store, key)
    if known is not None and "stamp" in known and Stamp(**known["stamp"]).agrees(stamp):
        return Seen(stamp.mark, known["digest"], stamp)
    digest = digest_source(worker_context.local(place))
    if not worker_context.stamp(place).agrees(stamp):
        raise SourceChanged(f"{place}: was modified while it was read; run the same command again when it is complete")
    put_json(worker_context.store, key, {"stamp": asdict(stamp), "digest": digest})
    return Seen(stamp.mark, digest, stamp)


def see_mask(item: Item, worker_context: WorkerContext) -> Seen | None:
    """As `see`, of an item's mask: of its file, of the words that it is drawn or made by, or of both."""
    of_file = NO_MASK if item.mask is None else see(item.mask, worker_context)
    if of_file is None:
        return None
    recipe = recipe_of(item, worker_context.settings(item))
    if not recipe:
        return of_file
    mark = mark_of_mask(recipe, of_file.mark)
    return Seen(mark, digest_of("mask", recipe, of_file.digest) if of_file.digest else recipe, of_file.stamp)


def mark_of_mask(recipe: str, of_file: str) -> str:
    """Return what changes with a mask's recipe (`recipe_of`) and with its file, either of which may be empty."""
    return f"{recipe} {of_file}".strip()
