"""The preset that `reelmend tune` writes: settings, and what they were measured on."""

import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import yaml

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.forecast.rates_of_run import processors_name
from reelmend.pipelines.job.load import LoadedJob
from reelmend.pipelines.job.presets import TUNED, Preset
from reelmend.pipelines.tuning.relevant import own_settings
from reelmend.pipelines.utils.hashing import digest_of

_SHOWN = 4
"""Settings that a note names."""


def tuned_text(
    settings: Mapping[str, Any], figures: Mapping[str, Any], job: JobConfig, machine: str, command: str, effect: str
) -> str:
    """Return the preset as YAML; `job` are the settings that it was measured against."""
    own = own_settings(job)
    measured = {
        "machine": machine,
        "measured": time.strftime("%Y-%m-%d"),
        "reelmend": version("reelmend"),
        "digest": _digest(own),
        "against": own,
        **figures,
    }
    head = f"# For one job on one machine; `reelmend tune` wrote it, and brings it up to date.\n#\n#   {command}\n#\n"
    body = yaml.safe_dump(_tree(settings), sort_keys=False) if settings else "# No other settings were faster.\n"
    return head + f"# Effect: {effect}\n" + body + yaml.safe_dump({TUNED: measured}, sort_keys=False)


def tuned_notes(preset: Preset, loaded: LoadedJob, job: JobConfig) -> Iterator[str]:
    """Yield how this machine and this job differ from what a preset was measured on, and what has no effect.

    `loaded` is the job with the preset, `job` the same without it. Nothing of a preset that was not measured.
    """
    tuned = preset.tuned
    if not tuned:
        return
    machine, here = str(tuned.get("machine", "")), processors_name()
    if machine.partition(",")[0] != here:
        yield (
            f"preset {preset.name} was measured on another machine ({machine}; this is {here}): "
            "run `reelmend tune` here"
        )
    if idle := [key for key in _keys(preset.settings) if loaded.set_by_job(key)]:
        origin = loaded.origins[idle[0]]
        yield f"preset {preset.name}: {', '.join(idle)} of it has no effect, because {origin} sets it: remove it there"
    own = own_settings(job)
    if tuned.get("digest") != _digest(own):
        against = tuned.get("against")
        then = dict(against) if isinstance(against, Mapping) else {}
        differ = [key for key in sorted({*own, *then}) if own.get(key) != then.get(key)]
        more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
        named = ", ".join(differ[:_SHOWN]) + more if differ else "its digest was changed"
        yield f"preset {preset.name} was measured for other settings ({named}): run `reelmend tune` for this job"


def _digest(own: Mapping[str, Any]) -> str:
    return digest_of("tuned", dict(own))[:16]


def _tree(settings: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return tree


def _keys(settings: Mapping[Any, Any]) -> Sequence[str]:
    pairs = ((section, value) for section, value in settings.items())
    return [f"{section}.{name}" for section, value in pairs for name in (value if isinstance(value, Mapping) else ())]
