"""Recognition of finished outputs: their record says what they were made from.

A record is written right after its output was published. The item's row of the ledger says the same, in its `facts`.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from reelmend.core_model.regions import BY_BLOCK, GRID_PX, MARGIN_PX, REGIONS_VERSION, WHOLE_FROM
from reelmend.pipelines.choices import Mode, NothingFound, OutOfMemory, StillFrames
from reelmend.pipelines.config import AUTO_SIDE, JobConfig
from reelmend.pipelines.engines.region_sizes import rule_of
from reelmend.pipelines.engines.registry import grid_settings, refine_below, still_frames, works_in_regions
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.media.canvas.canvas import canvas_settings
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.masks.item_mask import mask_settings
from reelmend.pipelines.media.rates import exact_rate
from reelmend.pipelines.media.repeats import REPEATS_VERSION
from reelmend.pipelines.media.sizes import chooses_side
from reelmend.pipelines.stages.detail import DETAIL_VERSION
from reelmend.pipelines.stages.digests import Seen
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.review import with_verdict
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_json, put_json
from reelmend.pipelines.storage.flow_cache.keys import FLOW_FORMAT
from reelmend.pipelines.storage.ledger import Facts, ItemFacts
from reelmend.pipelines.storage.location import Location, location_of
from reelmend.pipelines.storage.suffixes import is_video_file
from reelmend.pipelines.tasks import Item, ProbeReceipt, ProbeTask
from reelmend.pipelines.utils.hashing import digest_of

REFINEMENT_VERSION = 1
"""Raise it when other blocks are restored again, or are joined otherwise."""
Final = Literal["restored", "untouched"]


@dataclass(frozen=True)
class Finished:
    """An item that needs no work, unless something has changed."""

    final: Final
    note: str
    facts: Facts
    """Those of the ledger; among them what `sources`, `key` and `output` read."""
    made_for: dict[str, str] = field(default_factory=dict)
    """Which job asked for it, and from which files; nothing where that is not known."""

    @property
    def known(self) -> ItemFacts:
        return ItemFacts.from_map(self.facts)

    @property
    def key(self) -> str:
        return self.known.item_key or ""

    @property
    def output(self) -> Location:
        return location_of(self.known.output or "")

    @property
    def output_mark(self) -> str:
        return self.known.output_mark or ""

    @property
    def sources(self) -> tuple[Seen, Seen]:
        """Video and mask, as they were when the record was written."""
        known = self.known
        video = Seen(known.video_mark or "", known.video_digest or "")
        return video, Seen(known.mask_mark or "", known.mask_digest or "")

    def refused_by(self, job: JobConfig) -> bool:
        """Whether part of it was restored smaller because memory was insufficient, which the job does not take."""
        return self.known.blocks_restored_smaller is not None and smaller_is_refused(job)

    def receipt(self, item: Item, job: JobConfig) -> ProbeReceipt:
        """Return the receipt of a probe that found this."""
        frames, facts = self.known.frames or 0, with_verdict(self.facts, job.quality.review_below)
        task_id = ProbeTask(item).id
        return ProbeReceipt(task_id, reused=True, frames=frames, final=self.final, note=self.note, facts=facts)


def item_key(video_digest: str, mask_digest: str, settings: str, rate: float | None = None) -> str:
    """Name everything that determines an item's output; `settings` as `settings_key` names them, `rate` as told."""
    return digest_of("item", video_digest, mask_digest, settings, *(() if rate is None else (rate,)))


def rate_told(item: Item, job: JobConfig) -> float | None:
    """Return the frame rate that manifest or job give a folder of images; None for a file, which says its own."""
    return None if is_video_file(item.video) else item.fps or float(exact_rate(job.input.image_rate))


def settings_key(job: JobConfig, worker_context: WorkerContext) -> str:
    """Name what an item's output depends on besides its video and mask."""
    if job.mode is Mode.masks:
        shots = job.plan.shots, job.plan.shot_threshold
        return digest_of("masks", shots, mask_settings(job.mask), job.stitch.codec, *_mask_refusals(job))
    frames = range_of(job.frames)
    of_frames = () if frames is None else (str(frames),)
    if worker_context.pair is not None:
        first, second = (
            settings_key(replace(job, engine=context.context.job.engine), context) for context in worker_context.pair
        )
        return digest_of("settings", REFINEMENT_VERSION, first, second, refine_below(job))
    whole = worker_context.engine.digest, worker_context.flow.digest, picture_settings(job), job.stitch
    still = still_frames(job)
    repeats = () if still is StillFrames.off else (("still_frames", still, REPEATS_VERSION),)
    return digest_of("settings", *whole, *of_frames, *repeats, *_mask_refusals(job))


def _mask_refusals(job: JobConfig) -> tuple[object, ...]:
    """Return by what an item that another job has finished may be quarantined; nothing by default."""
    refuses = job.mask.strict or job.mask.nothing_found is NothingFound.fail
    return (("masks", job.mask.nothing_found, job.mask.strict),) if refuses else ()


def draft_facts(record: ProbeRecord, item: Item, worker_context: WorkerContext) -> Facts:
    """Return what a result of a hybrid engine says of the draft that it began with; nothing of another engine's."""
    if worker_context.pair is None:
        return {}
    first = worker_context.pair[0]
    job = first.settings(item)
    key = item_key(record.video_digest, record.mask_digest, settings_key(job, first), rate_told(item, job))
    return ItemFacts(draft_key=key).to_map()


class Acceptance:
    """Which records say that an item needs no work: those made as the job says, and what counts as good.

    A hybrid engine takes a draft of its first engine none of whose blocks it would restore again. A job that
    makes drafts and keeps what was refined (`refine.keep`) takes what began with the same draft.
    """

    def __init__(self, worker_context: WorkerContext) -> None:
        self._worker_context = worker_context
        self._settings: dict[tuple[int, tuple[str, ...]], str] = {}

    def takes(self, item: Item, done: Finished, digests: tuple[str, str]) -> bool:
        """Whether the record is of what the item is to be; `digests` are those of its video and mask now."""
        context, known = self._worker_context, done.known
        if done.refused_by(context.settings(item)):
            return False
        key = self._key(item, digests, context)
        if done.key == key or (context.context.job.refine.keep and known.draft_key == key):
            return True
        if context.pair is None or done.key != self._key(item, digests, context.pair[0]):
            return False
        if known.quality_lowest_block is None:
            return known.quality_score is None  # nothing was restored
        return known.quality_lowest_block >= refine_below(context.context.job)

    def _key(self, item: Item, digests: tuple[str, str], context: WorkerContext) -> str:
        job = context.settings(item)
        at = (id(context), item.overrides)
        if at not in self._settings:
            self._settings[at] = settings_key(job, context)
        return item_key(*digests, self._settings[at], rate_told(item, job))


def picture_settings(job: JobConfig) -> dict[str, object]:
    """Return the settings that determine the restored pixels; chunk length and workers are not among them.

    Nor is `process.out_of_memory`: who lets it be `smaller` keeps all that fitted. See `smaller_is_refused`.
    """
    grid = (job.plan.shots, job.plan.shot_threshold, *grid_settings(job))
    flow = (job.flow.max_side, FLOW_FORMAT)
    settings = {"mask": mask_settings(job.mask), "process_max_side": _side(job), "flow": flow, "grid": grid}
    return settings | {"canvas": canvas_settings(job), "regions": _region_settings(job)}


def _region_settings(job: JobConfig) -> tuple[object, ...] | None:
    if not works_in_regions(job):
        return None
    own, rule = (REGIONS_VERSION, MARGIN_PX, GRID_PX, WHOLE_FROM), rule_of(job)
    return own if rule == BY_BLOCK else (*own, rule)


def _side(job: JobConfig) -> object:
    """Name the size; where a video's detail is to choose it, what it is chosen by: video and mask do the rest."""
    process = job.process
    return (AUTO_SIDE, process.auto_least, process.auto_most, DETAIL_VERSION) if chooses_side(job) else process.max_side


def smaller_is_refused(job: JobConfig) -> bool:
    """Whether the job wants nothing that another one had restored smaller because memory was insufficient."""
    return job.process.out_of_memory is OutOfMemory.fail


def record_finished(
    item: Item,
    final: Final,
    output: Location,
    sources: tuple[Seen, Seen],
    note: str,
    facts: Facts,
    worker_context: WorkerContext,
    key: str = "",
) -> Finished:
    """Record that `output` was published, under a key that is given or the job's. Raises StoreError when it cannot be
    seen there."""
    video, mask = sources
    job = worker_context.settings(item)
    output_mark = worker_context.files.mark(output)
    if output_mark is None:
        raise StoreError(f"{output}: was published but is now missing; does another program write to this folder?")
    known = ItemFacts(
        item_key=key or item_key(video.digest, mask.digest, settings_key(job, worker_context), rate_told(item, job)),
        output=str(output),
        output_mark=output_mark,
        video_mark=video.mark,
        mask_mark=mask.mark,
    )
    done = Finished(final, note, facts | known.to_map(), made_for(item, job))
    put_json(worker_context.store, record_key(item), asdict(done))
    return done


def made_for(item: Item, job: JobConfig) -> dict[str, str]:
    """Return whose an item's result is: two jobs may have items of one name."""
    frames = range_of(job.frames)
    return {"job": job.name, "video": str(item.video), "mask": item.mask_name} | (
        {} if frames is None else {"frames": str(frames)}
    )


def find_finished(item: Item, sources: tuple[Seen, Seen], worker_context: WorkerContext) -> Finished | None:
    """Return the item's record if it was made from the same things and its output is there, unchanged."""
    done = read_record(item, worker_context)
    if done is None or worker_context.files.mark(done.output) != done.output_mark:
        return None
    if not Acceptance(worker_context).takes(item, done, (sources[0].digest, sources[1].digest)):
        return None
    if done.sources != sources:  # the same content, written again: from now on the next run need not read it to know
        kept = done.final, done.output, sources, done.note, done.facts
        done = record_finished(item, *kept, worker_context, done.key)
    return done


def read_record(item: Item, worker_context: WorkerContext) -> Finished | None:
    value = get_json(worker_context.store, record_key(item))
    return None if value is None else Finished(**value)


def record_key(item: Item) -> str:
    """By the output's place, which no two items of any run share."""
    return f"items/{digest_of('item', str(item.output))}"
