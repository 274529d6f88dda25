"""Is this item's output there already? Its record says what it was made from; the file must not have changed since."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipelines.canvas import canvas_settings
from pipelines.config import JobConfig, OutOfMemory
from pipelines.engines import grid_settings
from pipelines.flow_cache import FLOW_FORMAT
from pipelines.identity import digest_of
from pipelines.publish import fingerprint
from pipelines.stages.desk import Desk
from pipelines.stages.digests import known_digest
from pipelines.store import get_json, put_json
from pipelines.tasks import Item, Receipt, Stage, Task

SMALLER_BLOCKS = "blocks_restored_smaller"
"""Among the facts of an item that has any: their number."""

Final = Literal["restored", "untouched"]


@dataclass(frozen=True)
class Finished:
    """Written right after an output was published; read by the next run."""

    key: str
    final: Final
    output: str
    output_fingerprint: str | None
    note: str
    facts: dict[str, str | int | float]


def item_key(video_digest: str, mask_digest: str, job: JobConfig, desk: Desk) -> str:
    """Name everything that determines an item's output."""
    made_by = (desk.engine.digest, desk.flow.digest)
    return digest_of("item", video_digest, mask_digest, made_by, picture_settings(job), job.stitch)


def picture_settings(job: JobConfig) -> dict[str, object]:
    """Return the settings that determine the restored pixels; chunk length and workers are not among them.

    Nor is `process.out_of_memory`: who lets it be `smaller` keeps all that fitted. See `smaller_is_refused`.
    """
    grid = (job.plan.shots, job.plan.shot_threshold, *grid_settings(job))
    flow = (job.flow.max_side, FLOW_FORMAT)
    settings = {"mask": job.mask, "process_max_side": job.process.max_side, "flow": flow, "grid": grid}
    return settings | {"canvas": canvas_settings(job)}


def smaller_is_refused(job: JobConfig) -> bool:
    """Whether the job wants nothing that another one had restored smaller for want of memory."""
    return job.process.out_of_memory is OutOfMemory.fail


def record_finished(
    item: Item, key: str, final: Final, output: Path, note: str, facts: dict[str, str | int | float], desk: Desk
) -> None:
    done = Finished(key, final, str(output), fingerprint(output), note, facts)
    put_json(desk.store, _record_key(item), asdict(done))


def find_finished(item: Item, key: str, desk: Desk) -> Receipt | None:
    """Return a probe's receipt if the item was made from the same things and its output is there, unchanged."""
    value = get_json(desk.store, _record_key(item))
    if value is None:
        return None
    done = Finished(**value)
    there = done.output_fingerprint is not None and fingerprint(Path(done.output)) == done.output_fingerprint
    refused = SMALLER_BLOCKS in done.facts and smaller_is_refused(desk.settings(item))
    if done.key != key or not there or refused:
        return None
    frames = int(done.facts["frames"])
    return Receipt(
        Task(Stage.PROBE, item).id, reused=True, frames=frames, final=done.final, note=done.note, facts=done.facts
    )


def find_unchanged(item: Item, desk: Desk) -> Receipt | None:
    """As `find_finished`, without reading video or mask: None as well where either changed since it was digested."""
    video = known_digest(item.video, desk)
    mask = "" if item.mask is None else known_digest(item.mask, desk)
    if video is None or mask is None:
        return None
    return find_finished(item, item_key(video, mask, desk.settings(item), desk), desk)


def _record_key(item: Item) -> str:
    return f"items/{digest_of('item', item.id)}"
