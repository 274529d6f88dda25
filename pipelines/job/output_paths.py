"""Place for the copy of a source with an empty mask: the item's output, with the source's suffix."""

from collections.abc import Iterable, Iterator

from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.suffixes import is_video_file
from reelmend.pipelines.tasks import Item


def copy_names(item: Item) -> tuple[str, ...]:
    """Return the names that the copy may have: as a file first, as a folder last. What is called a video has one."""
    name = item.id.rpartition("/")[2]
    as_file = name + item.video.suffix
    return (as_file,) if is_video_file(item.video) else (as_file, name)


def copy_place(item: Item, *, is_folder: bool) -> Location:
    return item.output.with_name(copy_names(item)[-1 if is_folder else 0])


def written_places(items: Iterable[Item]) -> Iterator[Location]:
    """Yield all that the items may write: each one's output and the copies of its source."""
    for item in items:
        yield item.output
        yield from map(item.output.with_name, copy_names(item))
