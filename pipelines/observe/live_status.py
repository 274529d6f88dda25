"""Current status of a run, kept in its folder for other processes: tasks, those that stand still, outages."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.observe.machines import Machine, MachinesSeen
from reelmend.pipelines.observe.speed_history import Point, SpeedHistory
from reelmend.pipelines.observe.task_progress import OVERSTAY_S, Signs
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location, RemotePath
from reelmend.pipelines.tasks import Stage
from reelmend.pipelines.utils.repeating import repeating

log = logging.getLogger(__name__)

LOCAL_PACE_S, REMOTE_PACE_S = 5.0, 15.0
"""Between two writes."""
_NAMED = 20


@dataclass(frozen=True)
class StillTask:
    """A task that gives no sign of work."""

    item: str
    stage: str
    frames: int
    """That it had done before."""
    seconds: float
    """Since its last sign."""


@dataclass(frozen=True)
class Now:
    """A run at one moment."""

    run: str
    at: float = 0.0
    """Seconds since the epoch."""
    still: list[StillTask] = field(default_factory=list)
    """The longest first, as many as are named."""
    frames_in_work: dict[str, int] = field(default_factory=dict)
    """By item, of its tasks in progress."""
    store_away: str = ""
    """What a store that does not answer said last; empty while all do."""
    store_away_s: float = 0.0
    machines: list[Machine] = field(default_factory=list)
    """Whose workers did something lately."""
    speed: list[Point] = field(default_factory=list)
    """Frames restored by then, over time (`reelmend.pipelines.observe.speed_history`)."""

    @classmethod
    def of(
        cls,
        run: str,
        signs: Signs,
        outage_reason: str,
        outage_s: float,
        machines: MachinesSeen | None = None,
        speed: SpeedHistory | None = None,
    ) -> "Now":
        standing = signs.standing(time.monotonic())
        still = sorted((one for one in standing if one.still_s > OVERSTAY_S), key=lambda one: -one.still_s)[:_NAMED]
        frames: dict[str, int] = {}
        for one in standing[: 10 * _NAMED]:
            frames[one.task.item.id] = frames.get(one.task.item.id, 0) + int(one.frames)
        named = [
            StillTask(one.task.item.id, str(one.task.stage), int(one.frames), round(one.still_s, 1)) for one in still
        ]
        restored = sum(one.frames for one in standing if one.task.stage is Stage.INPAINT)
        return cls(
            run,
            time.time(),
            named,
            frames,
            outage_reason,
            round(outage_s, 1),
            machines.machines() if machines else [],
            speed.points(restored) if speed else [],
        )

    @classmethod
    def from_bytes(cls, content: bytes | None) -> "Now | None":
        """Inverse of what `kept_up_to_date` writes; None for nothing, or what cannot be read."""
        try:
            said = json.loads(content or b"null")
            still = [StillTask(**one) for one in said["still"]]
            machines = [Machine.from_dict(one) for one in said.get("machines", [])]
            speed = [(float(second), float(frames)) for second, frames in said.get("speed", [])]
            names = {f.name for f in fields(cls)}
            read = {"still": still, "machines": machines, "speed": speed}
            return cls(**{name: value for name, value in said.items() if name in names} | read)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@contextmanager
def kept_up_to_date(place: Location, files: Files, look: Callable[[], Now]) -> Iterator[None]:
    """Write inside, every few seconds, what `look` returns; a store that takes it late keeps nobody waiting."""
    pace_s = REMOTE_PACE_S if isinstance(place, RemotePath) else LOCAL_PACE_S

    def write() -> None:
        try:
            files.write(place, json.dumps(look().to_dict()).encode())
        except ReelmendError as exc:
            log.info("the progress file could not be written: %s", exc)
        except Exception:  # what it looks at changes meanwhile
            log.exception("the progress file could not be written")

    with repeating(write, pace_s, "now"):
        yield
