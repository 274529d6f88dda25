"""Registry of flow methods: those that come with reelmend, and those that a program registers."""

import difflib

from reelmend.pipelines.config import AUTO_FLOW, JobConfig
from reelmend.pipelines.engines.flow_by_opencv import DIS, FARNEBACK
from reelmend.pipelines.engines.flow_by_raft import RAFT
from reelmend.pipelines.engines.flow_method import FlowMethod
from reelmend.pipelines.errors import ConfigError

_BUILT_IN: dict[str, FlowMethod] = {method.name: method for method in (RAFT, DIS, FARNEBACK)}
_registered: dict[str, FlowMethod] = {}
"""By a program, in this process only."""


def flow_methods() -> dict[str, FlowMethod]:
    """Return all methods by name: those of reelmend first."""
    return {**_BUILT_IN, **_registered}


def register_flow_method(method: FlowMethod) -> None:
    """Add a method to this process; registering one of the same name again replaces it.

    Workers on Ray are other processes: use it with `run.executor=inline`. Raises ConfigError for a name that is taken.
    """
    if method.name in {*_BUILT_IN, AUTO_FLOW} or not method.name.isidentifier():
        raise ConfigError(f"flow method {method.name!r}: the name is taken, or not one word; choose another name")
    _registered[method.name] = method


def unregister_flow_method(name: str) -> None:
    """Remove a method that this process registered."""
    _registered.pop(name, None)


def unknown_method(name: str) -> str:
    """Say of a method that is not known which one may be meant, and which there are."""
    known = [AUTO_FLOW, *flow_methods()]
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{name!r} is not a flow method; {meant}use one of {', '.join(known)}"


def chosen_method(job: JobConfig) -> FlowMethod | None:
    """Return the method that a job names; None for the engine's own. Raises ConfigError for one that is not known."""
    if job.flow.method == AUTO_FLOW:
        return None
    method = flow_methods().get(job.flow.method)
    if method is None:
        raise ConfigError(f"flow.method: {unknown_method(job.flow.method)}")
    return method


def registered_here(job: JobConfig) -> bool:
    """Whether no other process has the job's method."""
    return job.flow.method in _registered
