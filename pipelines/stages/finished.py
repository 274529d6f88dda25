"""Is this item's output there already? Its record says what it was made from; the file must not have changed since."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipelines.config import JobConfig
from pipelines.identity import digest_of
from pipelines.publish import fingerprint
from pipelines.stages.desk import Desk
from pipelines.store import get_json, put_json
from pipelines.tasks import Item

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
    made_by = (desk.engine(job).digest, desk.flow(job).digest)
    return digest_of("item", video_digest, mask_digest, made_by, picture_settings(job), job.stitch)


def picture_settings(job: JobConfig) -> dict[str, object]:
    """Return the settings that determine the restored pixels; chunk length and workers are not among them."""
    grid = (job.plan.shots, job.plan.shot_threshold, job.plan.block_length, job.plan.overlap)
    return {"mask": job.mask, "process": job.process, "flow_max_side": job.flow.max_side, "grid": grid}


def record_finished(
    item: Item, key: str, final: Final, output: Path, note: str, facts: dict[str, str | int | float], desk: Desk
) -> None:
    done = Finished(key, final, str(output), fingerprint(output), note, facts)
    put_json(desk.store, _record_key(item), asdict(done))


def find_finished(item: Item, key: str, desk: Desk) -> Finished | None:
    """Return the record if it was made from the same things and its output is there, unchanged."""
    value = get_json(desk.store, _record_key(item))
    if value is None:
        return None
    done = Finished(**value)
    there = done.output_fingerprint is not None and fingerprint(Path(done.output)) == done.output_fingerprint
    return done if done.key == key and there else None


def _record_key(item: Item) -> str:
    return f"items/{digest_of('item', item.id)}"
