"""Digests of videos and masks, cached while the file is unchanged."""

from dataclasses import asdict, dataclass, field

from reelmend.pipelines.errors import SourceChanged
from reelmend.pipelines.media.digest import digest_source
from reelmend.pipelines.media.masks.drawn import read_drawn
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
    """As `see`, of an item's mask, if it has one."""
    return mask_without_file(item) if item.mask is None else see(item.mask, worker_context)


def mask_without_file(item: Item) -> Seen:
    """Return what stands for a mask that is drawn by words, which are its content, or for none."""
    if not item.drawn:
        return NO_MASK
    digest = digest_of("drawn mask", str(read_drawn(item.drawn)))
    return Seen(digest, digest)
