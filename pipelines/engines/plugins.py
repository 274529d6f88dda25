"""Engines of other packages: found by the entry point group `reelmend.engines`, checked before they are offered."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from reelmend.core_model.engine import Engine, FlowEstimator, Restored
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import EngineSpec
from reelmend.pipelines.errors import ReelmendError, SetupError, first_line

GROUP = "reelmend.engines"
Spec = EngineSpec[Any]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_METHODS = {"engine": ("warm", "restore"), "flow": ("warm", "estimate")}


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point that does not give an engine."""

    name: str
    package: str
    """The distribution and its version."""
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"the engine plug-in {self.name} of {self.package} cannot be used: {self.problem}"


@dataclass(frozen=True)
class Plugins:
    """What the installed packages add."""

    specs: dict[str, Spec] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    """By engine, the distribution that it comes from."""
    broken: tuple[BrokenPlugin, ...] = ()


def load_plugins(built_in: Mapping[str, Spec]) -> Plugins:
    """Load every entry point of the group. One that cannot be loaded is reported and takes nothing else with it."""
    specs: dict[str, Spec] = {}
    packages: dict[str, str] = {}
    broken = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, _package(point))):
        package = _package(point)
        try:
            spec = _load(point)
            if spec.name in {**built_in, **specs}:
                owner = packages.get(spec.name, "reelmend itself")
                raise _Unusable(
                    f"the name {spec.name} is taken by {owner}",
                    f"uninstall one of them, or rename the engine of {package}",
                )
        except _Unusable as exc:
            broken.append(BrokenPlugin(point.name, package, *exc.args))
        else:
            specs[spec.name], packages[spec.name] = spec, package
    return Plugins(specs, packages, tuple(broken))


class _Unusable(Exception):
    """(what is wrong, what to do)"""


def _load(point: EntryPoint) -> Spec:
    package = _package(point)
    try:
        loaded = point.load()
    except (Exception, SystemExit) as exc:  # whatever another package's module does when it is imported
        wrong = f"{type(exc).__name__} while {point.value} was imported: {first_line(exc)}"
        raise _Unusable(wrong, f"repair or uninstall {package}") from exc
    ask = f"ask the authors of {package}: the entry point {point.name} must name an EngineSpec called {point.name}"
    if not isinstance(loaded, EngineSpec):
        raise _Unusable(f"{point.value} is a {type(loaded).__name__}, not an object of an EngineSpec class", ask)
    wrong = problem_of(loaded)
    if wrong:
        raise _Unusable(wrong, f"ask the authors of {package}, or uninstall it")
    if loaded.name != point.name:
        raise _Unusable(f"its engine is called {loaded.name}, but its entry point has another name", ask)
    return loaded


def problem_of(spec: Spec) -> str:
    """Return what is wrong with a specification, empty if nothing is."""
    name = getattr(spec, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"its name is {name!r}; use lowercase letters, digits and underscores"
    if name in {field.name for field in dataclasses.fields(JobConfig)}:
        return f"{name} is a setting of every job; choose another name"
    if type(spec).build_engine is EngineSpec.build_engine:
        return "it has no method build_engine"
    return "" if spec.section is None else _problem_of_section(spec, spec.section)


def _problem_of_section(spec: Spec, section: type[Any]) -> str:
    if not (isinstance(section, type) and dataclasses.is_dataclass(section)):
        return f"its section is {section!r}, not a dataclass"
    hints = get_type_hints(section)
    for setting in dataclasses.fields(section):
        missing = dataclasses.MISSING
        if setting.default is missing and setting.default_factory is missing:
            return f"the setting {spec.name}.{setting.name} has no default"
        if not _is_plain(hints[setting.name]):
            return f"the type of {spec.name}.{setting.name} is not supported in a job file ({hints[setting.name]})"
    unknown = [name for name in (*spec.weights, *spec.without_effect) if name not in hints]
    return f"it names settings that its section lacks: {', '.join(unknown)}" if unknown else ""


def _is_plain(hint: Any) -> bool:
    """Whether it is a type that a job file can hold."""
    if get_origin(hint) is list:
        return get_args(hint) in ((str,), (int,))
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return all(kind in (str, int, float, bool, NoneType) for kind in kinds) or (
        isinstance(hint, type) and issubclass(hint, StrEnum)
    )


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def built(spec: Spec, package: str, what: str, build: Callable[[], Any]) -> Any:
    """Return what a plug-in builds, an `engine` or a `flow`. Raises SetupError that names it where that fails.

    What it builds must have the methods of `reelmend.core_model.engine`, and a digest that is its own.
    """
    name = f"engine {spec.name} ({package})"
    try:
        made = build()
        digest = getattr(made, "digest", None)
    except ReelmendError:
        raise
    except Exception as exc:
        raise SetupError(
            f"{name}: build_{what} failed with {type(exc).__name__}: {first_line(exc)}; repair or uninstall it, or set "
            "another engine"
        ) from exc
    missing = [method for method in _METHODS[what] if not callable(getattr(made, method, None))]
    protocol = (Engine if what == "engine" else FlowEstimator).__name__
    if missing:
        raise SetupError(
            f"{name}: the result of build_{what} is not a valid {protocol}: it has no method {', '.join(missing)}"
        )
    if not isinstance(digest, str) or (what == "engine" and not digest.startswith(spec.name)):
        raise SetupError(
            f"{name}: the digest of the result of build_{what} is {digest!r}; it must be a string"
            + (f" that begins with {spec.name!r}, such as settings_digest(job, weights)" if what == "engine" else "")
        )
    return made


def check_restored(name: str, restored: Restored, shape_THW: tuple[int, ...]) -> None:
    """Raise SetupError unless the engine of that name returned what `Engine.restore` promises for masks of this shape."""
    expected = {"frames": (*shape_THW, 3), "away": shape_THW}
    for what, shape in expected.items():
        got = getattr(restored, what)
        if got.shape != shape or got.dtype != np.uint8:
            raise SetupError(
                f"engine {name}: restore returned {what} as {got.dtype} {[*got.shape]}, not uint8 {[*shape]}; report "
                "this to its authors, or set another engine"
            )
