"""Measured rates: a small file with one entry per machine, engine and frame size.

    version: 1
    rates:
    - machine: 8 x Xeon 8488C        what it was measured on, for a person
      device: cpu                    or the GPU's name: what flow and inpainting ran on
      engine: propagation
      ...

Seconds are those of one worker; CPU seconds those of all its threads. Frames of the flow are pairs, those of inpainting
are the frames that blocks look at, halo included, so that long and short videos have the same rate.
"""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import yaml

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import hybrid_of, speed_digest, wants_gpu
from reelmend.pipelines.engines.worked_area import WHOLE, Worked
from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.forecast.result import CPU
from reelmend.pipelines.media.sizes import Size
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location, location_of

FILE_NAME = "rates.yaml"


def rates_beside(job_file: Location | None, job: JobConfig) -> str | None:
    """Return the rates.yaml beside the job file or in the current folder, if the job names none and there is one."""
    if job.cost.rates is not None:
        return job.cost.rates
    files = Files(job.s3)
    folders = [Path()] if job_file is None else [job_file.parent, Path()]
    return next((str(folder / FILE_NAME) for folder in folders if files.exists(folder / FILE_NAME)), None)


VERSION = 1


@dataclass(frozen=True)
class Rate:
    """What a number of frames took, of one machine, engine and size."""

    machine: str
    device: str
    """`cpu`, or the name of the GPU."""
    engine: str
    engine_digest: str
    """Of the settings that the engine's speed depends on."""
    size: Size
    """Of the source; so are the following of what is restored and of the optical flow."""
    process_size: Size
    flow_size: Size
    missing: float
    """Share of the picture that was missing, 0..1."""
    items: int
    frames: int
    seconds_per_frame: dict[str, float]
    """By stage."""
    cpu_seconds_per_frame: dict[str, float]
    made: bool
    """The clips were made for the measurement: their bytes say nothing of film."""
    measured: str
    """Day."""
    precision: str = ""
    """Of the networks; empty where there are none."""
    codec: str = ""
    """Of the outputs, with its quality."""
    flow_bytes_per_pixel: float | None = None
    """Of the flow's size, of both directions of a pair together."""
    part_bytes_per_pixel: float | None = None
    """Of a missing pixel."""
    output_bytes_per_pixel: float | None = None
    worked: Worked = WHOLE
    """What of the pictures was worked on."""
    gpus_per_worker: dict[str, float] = field(default_factory=dict)
    """By stage: 0.5 where two workers share a GPU. What is not here holds a whole one, if `device` is a GPU."""


@dataclass(frozen=True)
class ChosenRates:
    """The rates a job is planned with: of one machine, at one or more sizes."""

    rates: tuple[Rate, ...]
    source: str
    """The file."""
    doubts: tuple[str, ...] = ()
    """What a person should know before trusting them."""
    second: "ChosenRates | None" = None
    """Those of its second engine, where these are the first one's of a hybrid engine that nobody has measured."""

    @property
    def first(self) -> Rate:
        return self.rates[0]

    @property
    def frames(self) -> int:
        return sum(rate.frames for rate in self.rates)


def rates_for(job: JobConfig) -> ChosenRates | None:
    """Return the rates of the job's engine, None where nobody has measured it. Raises ConfigError.

    The job's own file counts before the rates that come with reelmend; rates of the same settings before others. Of a
    hybrid engine that nobody has measured they are those of its two engines.
    """
    found, pair = _measured(job), hybrid_of(job)
    if found is not None or pair is None:
        return found
    first, second = (_measured(replace(job, engine=name)) for name in pair)
    return None if first is None else replace(first, second=second)


def _measured(job: JobConfig) -> ChosenRates | None:
    own = [] if job.cost.rates is None else [location_of(job.cost.rates)]
    for place in [*own, shipped_rates()]:
        rates = [rate for rate in read_rates(place, Files(job.s3)) if rate.engine == job.engine]
        if job.cost.machine is not None:
            wanted = job.cost.machine.lower()
            rates = [rate for rate in rates if wanted in f"{rate.machine} {rate.device}".lower()]
        if rates:
            return _choose(rates, job, str(place) if place in own else f"{FILE_NAME} of reelmend")
    return None


def read_rates(place: Location, files: Files) -> list[Rate]:
    """Return the entries of a file. Raises ConfigError where it cannot be read."""
    try:
        content = files.read(place)
        if content is None:
            raise ConfigError(f"{place}: no such rates file; `reelmend bench rates` writes one")
        document = yaml.safe_load(io.BytesIO(content))
        if document["version"] != VERSION:
            raise ConfigError(
                f"{place}: rates of version {document['version']}; this version of reelmend reads {VERSION}"
            )
        return [_from_plain(entry) for entry in document["rates"]]
    except (StoreError, yaml.YAMLError, KeyError, TypeError, ValueError) as exc:
        reason = str(exc).splitlines()[0]
        raise ConfigError(f"{place}: not a valid rates file ({reason}); `reelmend bench rates` writes one") from exc


def add_rates(place: Location, new: Sequence[Rate], files: Files) -> int:
    """Write `new` into the file, in place of entries of the same case, and return how many it holds then."""
    kept = [] if files.read(place) is None else read_rates(place, files)
    cases = {_case(rate) for rate in new}
    rates = [rate for rate in kept if _case(rate) not in cases] + list(new)
    document = {"version": VERSION, "rates": [_to_plain(rate) for rate in rates]}
    files.write(place, (_HEAD + yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=110)).encode())
    return len(rates)


def shipped_rates() -> Path:
    return Path(str(resources("reelmend.conf") / FILE_NAME))


def codec_name(job: JobConfig) -> str:
    """Name what an output's bytes depend on besides its picture."""
    rated = job.stitch.codec in (Codec.h264, Codec.h265)
    return f"{job.stitch.codec} crf {job.stitch.crf}" if rated else str(job.stitch.codec)


def _choose(rates: Sequence[Rate], job: JobConfig, source: str) -> ChosenRates:
    """Take those of one machine: on a GPU if the engine wants one, then of the job's own settings, then the latest."""
    digest = speed_digest(job)

    def worth(rate: Rate) -> tuple[bool, bool, str]:
        return (rate.device != CPU) == wants_gpu(job), rate.engine_digest == digest, rate.measured

    best = max(rates, key=worth)
    same = [rate for rate in rates if _group(rate) == _group(best)]
    doubts = []
    if best.engine_digest != digest:
        doubts.append(f"the rates were measured with other settings of the engine {job.engine}")
    if wants_gpu(job) and best.device == CPU:
        doubts.append(
            f"the engine {job.engine} has rates for a CPU only; run `reelmend bench rates` on a machine with the GPU"
        )
    return ChosenRates(tuple(same), source, tuple(doubts))


def _group(rate: Rate) -> tuple[str, ...]:
    return rate.machine, rate.device, rate.engine_digest


def _case(rate: Rate) -> tuple[object, ...]:
    return *_group(rate), rate.size, rate.process_size, rate.flow_size, rate.codec, round(rate.missing, 2), rate.made


_SIZES = ("size", "process_size", "flow_size")
_HEAD = "# What `reelmend bench rates` has measured; `reelmend plan` computes with it. docs/cost.md says how.\n"


def _to_plain(rate: Rate) -> dict[str, Any]:
    plain = {key: list(value) if key in _SIZES else value for key, value in asdict(rate).items()}
    if rate.worked == WHOLE:
        del plain["worked"]
    return {key: _rounded(value) for key, value in plain.items() if value not in (None, "", {})}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(part) for key, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _from_plain(entry: Mapping[str, Any]) -> Rate:
    names = {f.name for f in dataclasses.fields(Rate)}
    known = {key: value for key, value in entry.items() if key in names}
    sizes = {key: (int(known[key][0]), int(known[key][1])) for key in _SIZES}
    return Rate(**{**known, **sizes, "worked": Worked(**known.get("worked", {}))})
