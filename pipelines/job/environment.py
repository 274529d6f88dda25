"""Values of a job that came from environment variables. They are used, and not written down.

A job file may say `${oc.env:NAME}` for what it should not hold itself; the saved job then says the same, not the value.
"""

import os
import re
from typing import Any

from omegaconf import OmegaConf

_VARIABLE = re.compile(r"\$\{\s*oc\.env\s*:\s*([A-Za-z_]\w*)")
_refers: dict[str, set[str]] = {}
"""By key, the variables that its value may hold, in any job that this process has loaded."""


def note_variables(config: Any) -> None:
    """Remember which keys of a merged job refer to variables, themselves or through other keys."""
    raw = _leaves(OmegaConf.to_container(config, resolve=False))
    names = {name for value in raw.values() for name in _VARIABLE.findall(str(value))}
    for key, value in raw.items():
        if names and "${" in str(value):
            _refers.setdefault(key, set()).update(names)


def without_values(job: Any) -> Any:
    """Return the configuration `job` as plain values with references in place of what variables hold.

    A number is left out. Read where a variable is not set, `***` stands for it.
    """
    kept: Any = OmegaConf.create(OmegaConf.to_container(job, enum_to_str=True))
    for key, names in _refers.items():
        value = OmegaConf.select(kept, key)
        told = {name: os.environ[name] for name in sorted(names) if os.environ.get(name)}
        if OmegaConf.is_list(value):
            OmegaConf.update(kept, key, [_refer(str(text), told) for text in value])
        elif isinstance(value, str):
            OmegaConf.update(kept, key, _refer(value, told))
        elif value is not None and told:
            parent, _, name = key.rpartition(".")
            (OmegaConf.select(kept, parent) if parent else kept).pop(name)
    return kept


def _refer(text: str, told: dict[str, str]) -> str:
    for name, value in told.items():
        text = text.replace(value, f"${{oc.env:{name},'***'}}")
    return text


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        found |= _leaves(value, f"{key}.") if isinstance(value, dict) else {key: value}
    return found
