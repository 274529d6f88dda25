"""Mask sources by name: those of reelmend, and those of other packages (entry point group `reelmend.mask_sources`).

A source is imported when an expression names it, because some need large libraries.
"""

import difflib
import re
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from reelmend.pipelines.errors import ConfigError, SetupError, first_line
from reelmend.pipelines.media.masks.sources.base import MaskSource

GROUP = "reelmend.mask_sources"
BUILT_IN = {
    "text": f"{__package__}.text.source:TextSource",
    "overlay": f"{__package__}.overlay:OverlaySource",
    "damage": f"{__package__}.damage:DamageSource",
    "track": f"{__package__}.track.source:TrackSource",
    "points": "reelmend.pipelines.engines.sam.source:PointsSource",  # it needs weights, which this room must not know
    "sam": "reelmend.pipelines.engines.sam.source:SamSource",
}
"""By name, module and class."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("box", "polygon", "file")


@lru_cache(maxsize=1)
def source_names() -> tuple[str, ...]:
    """Return the names of all sources, those of other packages last."""
    return (*BUILT_IN, *_plugins())


@lru_cache(maxsize=64)
def find_source(name: str) -> MaskSource | None:
    """Return the source of that name, None where there is none. Raises SetupError for a broken one."""
    if name in BUILT_IN:
        module, _, called = BUILT_IN[name].partition(":")
        made: MaskSource = getattr(import_module(module), called)()
        return made
    point = _plugins().get(name)
    return None if point is None else _loaded(point)


def source_of(name: str) -> MaskSource:
    """As `find_source`. Raises ConfigError where there is none."""
    source = find_source(name)
    if source is None:
        raise ConfigError(unknown_source(name))
    return source


def unknown_source(name: str) -> str:
    """Say that no source has this name, and which come near."""
    near = difflib.get_close_matches(name, source_names(), n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(source_names())}"
    return f"{name!r} is not a mask source{hint}"


@lru_cache(maxsize=1)
def _plugins() -> dict[str, EntryPoint]:
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _package(point)))
    taken = (*BUILT_IN, *_RESERVED)
    return {point.name: point for point in reversed(points) if _NAME.fullmatch(point.name) and point.name not in taken}


def _loaded(point: EntryPoint) -> MaskSource:
    package = _package(point)
    try:
        loaded = point.load()
        made = loaded() if isinstance(loaded, type) else loaded
    except (Exception, SystemExit) as exc:  # whatever another package's module does when it is imported
        raise SetupError(
            f"mask source {point.name} of {package}: {type(exc).__name__} while {point.value} was loaded: "
            f"{first_line(exc)}; repair or uninstall {package}"
        ) from exc
    if not isinstance(made, MaskSource) or made.name != point.name:
        raise SetupError(
            f"mask source {point.name} of {package}: {point.value} is not a MaskSource called {point.name}; ask the "
            f"authors of {package}, or uninstall it"
        )
    return made


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
