"""Options that describe a job, shared by every command that takes one."""

import functools
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reelmend.pipelines.cli.options import First, Frames, Manifest, Masks, Out, Preset, Videos, Words, sort_words
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.forecast.rates import rates_beside
from reelmend.pipelines.job.load import LoadedJob, load_sources
from reelmend.pipelines.media.frame_range import first_of
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tuning.tuned_file import tuned_notes
from reelmend.pipelines.utils.logs import LogLine

log = logging.getLogger("reelmend")


@dataclass(frozen=True)
class JobOptions:
    """A job file, settings that override it, and options that override both."""

    words: Words = None
    preset: Preset = None
    videos: Videos = None
    masks: Masks = None
    manifest: Manifest = None
    out: Out = None
    frames: Frames = None
    first: First = None

    @property
    def file(self) -> Location | None:
        """The job file, if one was given. Raises ConfigError for an unknown word."""
        return sort_words(self.words, self.videos).file

    def job(self, rates: str | None = None) -> JobConfig:
        """Return the job, with the rates found on this machine. Raises ConfigError."""
        job = self.written(rates)
        return replace(job, cost=replace(job.cost, rates=rates_beside(self.file, job)))

    def written(self, rates: str | None = None) -> JobConfig:
        """Return the job as given, without anything specific to this machine. Raises ConfigError.

        What a user would want to know of its presets is logged.
        """
        loaded = self.loaded(rates)
        notes = [*loaded.notes]
        for preset in loaded.presets:
            if preset.tuned:
                notes += tuned_notes(preset, loaded, self.loaded(rates, without=preset.name).job)
        for note in notes:
            log.warning(LogLine(note))
        return loaded.job

    def loaded(self, rates: str | None = None, without: str = "") -> LoadedJob:
        """Return the job as given, and where its settings came from; the preset `without` is left out.

        Raises ConfigError.
        """
        request = sort_words(self.words, self.videos)
        flags: dict[str, Any] = {}
        if request.videos:
            flags |= {"input.videos": request.videos, "input.manifest": None}
        if self.manifest is not None:
            flags |= {"input.manifest": self.manifest} | ({} if request.videos else {"input.videos": []})
        if self.frames is not None and self.first is not None:
            raise ConfigError(f"--frames and --first cannot be combined; use --frames {self.frames}")
        frames = self.frames if self.first is None else first_of(self.first)
        others = {"input.masks": self.masks, "out": self.out, "frames": frames, "cost.rates": rates}
        flags |= {key: value for key, value in others.items() if value is not None}
        return load_sources(request.file, self.preset, request.overrides, flags, without=without)


def takes_job(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command that takes `JobOptions` first their options, before its own."""
    _typed, *own = inspect.signature(command).parameters.values()
    shared = inspect.signature(JobOptions).parameters

    @functools.wraps(command)
    def typed(**given: Any) -> int:
        return command(JobOptions(**{name: given.pop(name) for name in shared}), **given)

    typed.__signature__ = inspect.Signature([*shared.values(), *own])  # type: ignore[attr-defined]
    return typed
