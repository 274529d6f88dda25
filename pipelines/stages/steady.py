"""Sources held to what a task's keys say: looked at before computing and after it, before anything is published.

A look is a `stat` for a file of this machine; of an object the task reads a copy that its ETag names, so that it is the
look with which the copy was found. Where a look does not agree with the probe's, the content decides.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from reelmend.pipelines.errors import SourceChanged
from reelmend.pipelines.stages.digests import NO_MASK, Seen, see
from reelmend.pipelines.stages.probe_record import ProbeRecord, Source
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.tasks import Item


@contextmanager
def held_to(record: ProbeRecord, worker_context: WorkerContext, *, mask: bool) -> Iterator[tuple[Seen, Seen]]:
    """Yield the item's video and mask as they are now; with `mask` False the latter is not looked at.

    Raises SourceChanged on entering where they are not what the probe saw, on leaving where they were written
    meanwhile, whatever came of it.
    """
    assert record.sources is not None, "a record that a task works by says where its sources lie"
    video, with_mask = record.sources
    seen = (
        _require(video, worker_context),
        _of_mask(with_mask, record, worker_context) if mask else NO_MASK,
    )
    with unwritten(
        [source for source in (video, with_mask if mask else None) if source is not None], seen, worker_context
    ):
        yield seen


@contextmanager
def unwritten(sources: Sequence[Source], seen: Sequence[Seen], worker_context: WorkerContext) -> Iterator[None]:
    """Raise SourceChanged on leaving when one of the sources was written since it was seen.

    An error of the block itself is then no news: it may be about content that is there no more.
    """
    try:
        yield
    except Exception as exc:
        _refuse_written(sources, seen, worker_context, exc)
        raise
    _refuse_written(sources, seen, worker_context, None)


def sources_of(item: Item, video: Seen, mask: Seen) -> list[Source]:
    """Return where an item's video, and its mask if it has one, lie and what they are."""
    places = ((item.video, video), (item.mask, mask))
    return [Source(place, seen.stamp, seen.digest) for place, seen in places if place is not None]


def _refuse_written(
    sources: Sequence[Source], seen: Sequence[Seen], worker_context: WorkerContext, error: Exception | None
) -> None:
    for source, before in zip(sources, seen, strict=False):
        if not worker_context.stamp(source.place).agrees(before.stamp):
            worker_context.forget()
            raise SourceChanged(
                f"{source.place}: was modified while it was read; results computed from it are discarded;"
                " run the same command again when it is complete"
            ) from error


def _of_mask(mask: Source | None, record: ProbeRecord, worker_context: WorkerContext) -> Seen:
    """A mask without a file, if there is one, is its own digest and cannot change."""
    return Seen(record.mask_digest, record.mask_digest) if mask is None else _require(mask, worker_context)


def _require(source: Source, worker_context: WorkerContext) -> Seen:
    worker_context.local(source.place)
    now = worker_context.stamp(source.place)
    if source.stamp.known and now.agrees(source.stamp):
        return Seen(now.mark, source.digest, now)
    seen = see(source.place, worker_context)
    if seen is None or seen.digest != source.digest:
        worker_context.forget()
        raise SourceChanged(f"{source.place}: has changed since the run began; run the same command again")
    return seen
