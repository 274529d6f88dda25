"""Jobs of `reelmend run --draft` and `--refine`: the same job with the cheap engine, and with the hybrid one."""

from dataclasses import replace

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import DEFAULT, HYBRID, find_spec
from reelmend.pipelines.errors import ConfigError


def as_draft(job: JobConfig) -> JobConfig:
    """Return the job that makes drafts of the outputs, and leaves those that were refined; it has no networks.

    Raises ConfigError for an engine that has none.
    """
    drafts = _with_engine(job, DEFAULT.name, "--draft")
    return replace(drafts, device="auto", refine=replace(job.refine, keep=True))


def as_refined(job: JobConfig) -> JobConfig:
    """Return the job that refines drafts, and makes those that are missing. Raises ConfigError as `as_draft` does."""
    return _with_engine(job, HYBRID.name, "--refine")


def _with_engine(job: JobConfig, name: str, option: str) -> JobConfig:
    known = (HYBRID.name, *(HYBRID.hybrid_of or ()))
    if find_spec(job.engine) is not None and job.engine not in known:
        raise ConfigError(f"{option}: is for the engines {', '.join(known)}, and the job has engine={job.engine}")
    return replace(job, engine=name)
