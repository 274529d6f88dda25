"""The class of a job with the sections of installed plug-ins, and how such a job travels to another process."""

import pickle
from dataclasses import field, fields, make_dataclass
from functools import cache
from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import find_spec, own_sections, unknown_engine
from reelmend.pipelines.errors import SetupError

_OWN = {each.name for each in fields(JobConfig)}


def job_class() -> type[JobConfig]:
    """Return `JobConfig`, extended by a section for every engine that brings its own settings."""
    return _extended(tuple((spec.name, spec.section) for spec in own_sections() if spec.name not in _OWN))


def without_other_plugins(job: JobConfig) -> JobConfig:
    """Return the job with no section of a plug-in but its own engine's."""
    section = _own_section(job)
    return _made(_plain(job), job.engine, section) if type(job) is not JobConfig else job


@cache
def _extended(sections: tuple[tuple[str, Any], ...]) -> type[JobConfig]:
    if not sections:
        return JobConfig
    added = [(name, section, field(default_factory=section)) for name, section in sections]
    return make_dataclass("JobConfig", added, bases=(JobConfig,), namespace={"__reduce__": _reduce})


def _reduce(job: JobConfig) -> tuple[Any, ...]:
    """A class that is made here is not found by its name: say what it is made of.

    The section is packed apart, so that who lacks the plug-in is told its name.
    """
    return _unpacked, (_plain(job), job.engine, pickle.dumps(_own_section(job)))


def _unpacked(plain: dict[str, Any], engine: str, section: bytes) -> JobConfig:
    if find_spec(engine) is None:
        raise SetupError(f"engine {unknown_engine(engine)}; install its package on every machine of the run")
    return _made(plain, engine, pickle.loads(section))


def _made(plain: dict[str, Any], engine: str, section: Any) -> JobConfig:
    if section is None:
        return JobConfig(**plain)
    return _extended(((engine, type(section)),))(**plain, **{engine: section})


def _plain(job: JobConfig) -> dict[str, Any]:
    return {name: getattr(job, name) for name in _OWN}


def _own_section(job: JobConfig) -> Any:
    return None if job.engine in _OWN else getattr(job, job.engine, None)
