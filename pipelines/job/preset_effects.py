"""Effects of presets on a job, and settings that override them: for `plan` and for the saved job of a run."""

from dataclasses import dataclass, field
from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import leaf_values, values_of_presets
from reelmend.pipelines.job.paths import absolute_paths

_JOB = "the job"
"""The job file or the command line."""


@dataclass(frozen=True)
class PresetEffect:
    """One preset of a job."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    """By dotted key, what it sets and the job has."""
    replaced: dict[str, str] = field(default_factory=dict)
    """By dotted key, what set another value afterwards: the name of a later preset, or `the job`."""


def preset_effects(job: JobConfig) -> list[PresetEffect]:
    """Return what each of the job's presets does to it. Raises ConfigError for a preset that is gone."""
    if not job.preset:
        return []
    presets, alone = values_of_presets(job.preset, job.s3)
    now = leaf_values(absolute_paths(job))
    effects = []
    for place, preset in enumerate(presets):
        effect = PresetEffect(preset.name)
        for key, value in alone[place].items():
            later = [presets[other].name for other in range(place + 1, len(presets)) if key in alone[other]]
            if later:
                effect.replaced[key] = later[-1]
            elif now[key] == value:
                effect.settings[key] = value
            else:
                effect.replaced[key] = _JOB
        effects.append(effect)
    return effects


def effect_line(effect: PresetEffect) -> str:
    """Return one preset's effect in words."""
    kept = " ".join(f"{key}={_word(value)}" for key, value in effect.settings.items()) or "sets nothing that is used"
    by: dict[str, list[str]] = {}
    for key, name in effect.replaced.items():
        by.setdefault(name, []).append(key)
    return "; ".join([kept, *(f"{', '.join(keys)} as {name} sets it" for name, keys in by.items())])


def effects_comment(job: JobConfig) -> str:
    """Return what presets changed as lines of a comment, for the saved job; nothing without presets."""
    if not job.preset:
        return ""
    head = "# Presets under this job, in order, and what each sets; what is below has them in it.\n"
    try:
        lines = [f"#   {effect.name}: {effect_line(effect)}\n" for effect in preset_effects(job)]
    except ConfigError:
        lines = [f"#   {name}\n" for name in job.preset]
    return head + "".join(line.replace("\n", " ").rstrip() + "\n" for line in lines)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
