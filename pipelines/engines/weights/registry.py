"""Weights known by name: those of `conf/weights.yaml`, typed."""

import difflib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

from omegaconf import OmegaConf

from reelmend.pipelines.errors import ConfigError


@dataclass(frozen=True)
class Licence:
    """Under which terms a file may be used."""

    name: str
    url: str
    forbids: str
    """One sentence."""


@dataclass(frozen=True)
class Entry:
    """One file of weights that a job can name."""

    name: str
    network: str
    """What it is for: raft, flow_completion, generator or sam2."""
    file: str
    """Its name in the weights folder and on a mirror."""
    url: str
    sha256: str
    """Hexadecimal; empty where it is recorded with the first file that is pulled or imported."""
    licence: Licence
    source: str
    """Paper and project page."""


@dataclass(frozen=True)
class _Registry:
    weights: list[Entry] = field(default_factory=list)


@cache
def registry() -> dict[str, Entry]:
    """Return the known weights by name, in the order of the file."""
    written = OmegaConf.load(Path(str(files("reelmend.conf") / "weights.yaml")))
    typed = cast(_Registry, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(_Registry), written)))
    return {entry.name: entry for entry in typed.weights}


def entry_of(name: str) -> Entry:
    """Return the entry of that name. Raises ConfigError that says which names there are."""
    known = registry()
    if name not in known:
        raise ConfigError(f"weights {name}: unknown name; {hint_for(name)}")
    return known[name]


def hint_for(name: str) -> str:
    """Say which name may have been meant."""
    known = list(registry())
    by_small = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(name.lower(), by_small, n=1)
    return f"did you mean {by_small[near[0]]}?" if near else f"there are {', '.join(known)}"
