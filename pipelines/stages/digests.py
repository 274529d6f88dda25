"""What is the content of a video or a mask called? Its digest, remembered for as long as the file does not change."""

from dataclasses import dataclass

from pipelines.identity import digest_of
from pipelines.media.digest import digest_source
from pipelines.stages.desk import Desk
from pipelines.store import get_json, put_json
from pipelines.stores.location import Location
from pipelines.tasks import Item


@dataclass(frozen=True)
class Seen:
    """A source as it was when it was digested."""

    mark: str
    """Of the file or folder, see `Files.mark`."""
    digest: str
    """Of its content."""


NO_MASK = Seen("", "")


def see(place: Location, desk: Desk) -> Seen | None:
    """Return the source's digest, None when it is not there; it is read if it was never digested or has changed."""
    mark = desk.files.mark(place)  # taken before reading: a file that changes meanwhile is digested again next time
    if mark is None:
        return None
    key = f"digests/{digest_of('seen', str(place.absolute()))}"
    known = get_json(desk.store, key)
    if known is not None and known["mark"] == mark:
        return Seen(mark, known["digest"])
    digest = digest_source(desk.local(place))
    put_json(desk.store, key, {"mark": mark, "digest": digest})
    return Seen(mark, digest)


def see_mask(item: Item, desk: Desk) -> Seen | None:
    """As `see`, of an item's mask, if it has one."""
    return NO_MASK if item.mask is None else see(item.mask, desk)
