"""Making of an item's mask from its pictures, and its way into the store and out of it.

A made mask is an artefact, named by everything that determines it, so that a run that is repeated or shares the store
finds it. What is computed with it is named by its content.
"""

from dataclasses import dataclass

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.masks.expression import MaskExpression
from reelmend.pipelines.media.masks.made import MadeMask, pack, unpack
from reelmend.pipelines.media.masks.making import Making, Shots
from reelmend.pipelines.media.masks.sources.registry import source_of
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_or_make
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.hashing import digest_of


@dataclass(frozen=True)
class MaskArtifact:
    """A made mask and where it is kept."""

    key: str
    mask: MadeMask
    reused: bool


def make_mask(
    item: Item,
    expression: MaskExpression,
    job: JobConfig,
    video: tuple[VideoInfo, str],
    mask_digest: str,
    shots: Shots,
    worker_context: WorkerContext,
) -> MaskArtifact:
    """Return an item's mask, made where the store has none; `video` is its record and its digest.

    Raises MaskError, MediaError, and SetupError where this machine lacks what a source needs.
    """
    info, video_digest = video
    key = f"masks/{digest_of('mask', video_digest, mask_digest, info.frames, shots)}"

    def make() -> bytes:
        for name in expression.sources:
            problem = source_of(name).problem()
            if problem:
                raise MaskError(f"mask source {name}: {problem}")
        file = None if item.mask is None else worker_context.local(item.mask)
        making = Making(expression, info, shots, job.mask, job.find, file)
        return pack(making.made(), info.display_size, info.frames, str(expression), making.notes)

    blob, found = get_or_make(worker_context.store, key, make)
    return MaskArtifact(key, unpack(blob), found)
