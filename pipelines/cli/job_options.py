"""How is a job typed? The options that stand for one are the same in every command that takes a job."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pipelines.cli.options import Manifest, Masks, Out, Preset, Videos, Words, sort_words
from pipelines.config import JobConfig
from pipelines.cost.rates_file import rates_beside
from pipelines.job import load_job
from pipelines.stores.location import Location


@dataclass(frozen=True)
class JobOptions:
    """A job file, settings that win over it, and options that win over both."""

    words: Words = None
    preset: Preset = None
    videos: Videos = None
    masks: Masks = None
    manifest: Manifest = None
    out: Out = None

    @property
    def file(self) -> Location | None:
        """The job file, if one was named. Raises ConfigError for a word that means nothing."""
        return sort_words(self.words, self.videos).file

    def job(self, rates: str | None = None) -> JobConfig:
        """Return the job that was typed, with the rates that lie here. Raises ConfigError."""
        job = self.written(rates)
        return replace(job, cost=replace(job.cost, rates=rates_beside(self.file, job)))

    def written(self, rates: str | None = None) -> JobConfig:
        """Return the job that was typed, and nothing that this machine alone has. Raises ConfigError."""
        request = sort_words(self.words, self.videos)
        flags: dict[str, Any] = {}
        if request.videos:
            flags |= {"input.videos": request.videos, "input.manifest": None}
        if self.manifest is not None:
            flags |= {"input.manifest": self.manifest} | ({} if request.videos else {"input.videos": []})
        others = {"input.masks": self.masks, "out": self.out, "cost.rates": rates}
        flags |= {key: value for key, value in others.items() if value is not None}
        return load_job(request.file, self.preset, request.overrides, flags)


def takes_job(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command that wants `JobOptions` first be typed with each of them, before its own options."""
    _typed, *own = inspect.signature(command).parameters.values()
    shared = inspect.signature(JobOptions).parameters

    @functools.wraps(command)
    def typed(**given: Any) -> int:
        return command(JobOptions(**{name: given.pop(name) for name in shared}), **given)

    typed.__signature__ = inspect.Signature([*shared.values(), *own])  # type: ignore[attr-defined]
    return typed
