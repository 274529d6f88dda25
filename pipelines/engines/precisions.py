"""The setting `propainter.precision`: one number format, or one for each component of the networks."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from reelmend.pipelines.choices import Precision

COMPONENTS = ("raft", "encoder", "transformer", "decoder")
"""Those of `reelmend.core_model.device.precision.Component`, which the driver does not load."""
_DEFAULT = Precision.bf16
"""Of components that a mapping does not name; the default of the setting."""


def by_component(setting: Any) -> dict[str, Precision]:
    """Return the number format of every component. Raises ValueError for what `precision_problems` names."""
    named = setting if isinstance(setting, Mapping) else dict.fromkeys(COMPONENTS, setting)
    return {component: Precision(named.get(component, _DEFAULT)) for component in COMPONENTS}


def precision_words(setting: Any) -> str:
    """Return the format, or where components differ each of them, as in `raft=fp32 encoder=bf16`."""
    chosen = by_component(setting)
    words = set(chosen.values())
    return str(*words) if len(words) == 1 else " ".join(f"{name}={word}" for name, word in chosen.items())


def precision_problems(setting: Any) -> Iterator[str]:
    """Yield what is wrong with the setting, everything in one text."""
    words = [member.value for member in Precision]
    if not isinstance(setting, Mapping):
        if setting not in words:
            yield f"{setting!r} is not one of {', '.join(words)}, nor a mapping of {', '.join(COMPONENTS)} to these"
        return
    wrong = [f"{name!r} is not a component{_meant(name)}" for name in setting if name not in COMPONENTS]
    wrong += [
        f"{name} cannot be {word!r}" for name, word in setting.items() if name in COMPONENTS and word not in words
    ]
    if wrong:
        yield f"{'; '.join(wrong)}; components are {', '.join(COMPONENTS)}, each {', '.join(words)}"


def _meant(name: object) -> str:
    near = get_close_matches(str(name), COMPONENTS, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
