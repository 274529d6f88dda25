"""Presets: named sets of settings that are laid under a job file, in order; shipped ones, and files of a user.

A file may have a section `tuned`, which says what it was measured on (`reelmend tune` writes it) and sets nothing.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.yaml import read_mapping
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location, is_url, location_of
from reelmend.pipelines.utils.user_paths import at_home

KEY = "preset"
"""Of a job file."""
TUNED = "tuned"
"""Section of a preset that says where its figures come from."""
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Preset:
    """One preset, read."""

    name: str
    """Of a shipped one; of a file, its path from the current folder, or its address."""
    settings: Mapping[Any, Any]
    """As a job file holds them."""
    folder: Location | None = None
    """Where relative paths among the settings start."""
    tuned: Mapping[str, Any] = field(default_factory=dict)
    """What `reelmend tune` wrote about it."""

    @property
    def origin(self) -> str:
        """What messages call the source of its settings."""
        return f"preset {self.name}"


def preset_names() -> list[str]:
    """Return the names of the shipped presets."""
    folder = resources("reelmend.conf") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read_presets(given: Any, origin: str, files: Files, folder: Location | None = None) -> list[Preset]:
    """Return the presets that a setting names: one name, a list of names, or nothing.

    What ends in .yaml is a file, whose path starts in `folder` (None: the current one). `origin` is what messages call
    the setting. Raises ConfigError.
    """
    try:
        plain = OmegaConf.to_container(OmegaConf.create({KEY: given}), resolve=True)
    except (OmegaConfBaseException, ValueError) as exc:
        raise ConfigError(f"{KEY}: {str(exc).splitlines()[0]} ({origin})") from exc
    assert isinstance(plain, dict)
    value = plain[KEY]
    names = [value] if isinstance(value, str) else value
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{KEY}: '{given}' is not a list of presets, as in [propainter, fast] ({origin})")
    return [_read(name, origin, files, folder) for name in names]


def engine_notes(presets: Sequence[Preset], engine: str, origin: str) -> list[str]:
    """Return what a user would want to know of presets that choose other engines than the job has in the end.

    `origin` is what set the job's engine last.
    """
    choices = [(preset, str(preset.settings["engine"])) for preset in presets if "engine" in preset.settings]
    notes = [
        f"presets {first.name} and {second.name} choose different engines, {one} and {other}: later presets win"
        for (first, one), (second, other) in pairwise(choices)
        if one != other
    ]
    if choices and choices[-1][1] != engine:
        preset, chosen = choices[-1]
        notes.append(f"preset {preset.name} chooses the engine {chosen}, but {origin} sets engine={engine}, which wins")
    return notes


def _read(name: str, origin: str, files: Files, folder: Location | None) -> Preset:
    if not name.endswith(_SUFFIXES):
        return Preset(name, read_mapping(_shipped(name, origin), Files()))
    place = location_of(name) if is_url(name) else at_home(name)
    if isinstance(place, Path) and folder is not None and not place.is_absolute():
        place = folder / str(place)
    tree = dict(read_mapping(place, files, "preset"))
    tuned = tree.pop(TUNED, None) or {}
    if not isinstance(tuned, Mapping):
        raise ConfigError(
            f"{place}: `{TUNED}` is not a section; `reelmend tune` writes it, remove what is not from there"
        )
    if KEY in tree:
        raise ConfigError(f"{place}: a preset cannot name other presets; give them in order: --preset A --preset B")
    return Preset(str(place), tree, place.parent, tuned)


def _shipped(name: str, origin: str) -> Path:
    known = preset_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}, and files (NAME.yaml)"
        raise ConfigError(f"{origin} {name}: no such preset; {hint}")
    return Path(str(resources("reelmend.conf") / "presets" / f"{name}.yaml"))
