"""Shell completion of a job's settings (`stitch.codec=`, then its values) and of preset names."""

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_type_hints

from reelmend.pipelines.engines.job_class import job_class
from reelmend.pipelines.engines.registry import engine_specs
from reelmend.pipelines.job.presets import preset_names


def complete_setting(incomplete: str) -> list[str]:
    """Return the settings that begin like this, or, behind a `=`, their values; none where a file may be meant."""
    key, equals, begun = incomplete.partition("=")
    if not equals:
        return [f"{name}=" for name, _ in _settings(job_class()) if incomplete and name.startswith(incomplete)]
    values = list(engine_specs()) if key == "engine" else _values(dict(_settings(job_class())).get(key))
    return [f"{key}={value}" for value in values if value.startswith(begun)]


def complete_preset(incomplete: str) -> list[str]:
    """Return the presets that begin like this."""
    return [name for name in preset_names() if name.startswith(incomplete)]


def setting_names() -> list[str]:
    """Return the dotted names of all settings."""
    return [name for name, _ in _settings(job_class())]


def _settings(section: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, hint in get_type_hints(section).items():
        if dataclasses.is_dataclass(hint):
            yield from _settings(hint, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", hint


def _values(hint: Any) -> list[str]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return [member.value for member in hint]
    return ["true", "false"] if hint is bool else []
