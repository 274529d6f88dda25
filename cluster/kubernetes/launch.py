"""Launch of one run: create or find it, refuse a second one, wait, report its end."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from reelmend.cluster.kubernetes.api import AlreadyThere, Document, NotFound, RayJobs, WatchEnded
from reelmend.cluster.kubernetes.rayjob import TEMPLATE_LABEL, Outcome, is_alive, outcome, run_from, state_of
from reelmend.pipelines.errors import EXIT_DELETED, EXIT_TRY_AGAIN, ReelmendError, SetupError

log = logging.getLogger(__name__)

_GONE_S = 120.0
"""What is deleted may have pods to end first."""


@dataclass(frozen=True)
class LaunchRequest:
    """Which run is wanted."""

    template: str
    """Name of the suspended RayJob that says what a run is."""
    name: str
    """Name of the run."""
    labels: dict[str, str]
    on_cluster: str | None
    """RayCluster to run on; None: one of its own."""
    keep: int
    """Finished runs that stay to be looked at; older ones are deleted."""


def create_or_attach(rayjobs: RayJobs, wish: LaunchRequest) -> tuple[Document, bool]:
    """Return the wanted run, and whether it was created now rather than found.

    One that ended because a store was unreachable is deleted and created again: that is what another attempt is for.
    Raises SetupError when another run of the template is alive or an object of that name is not a run of it,
    ConfigError when the cluster refuses the run.
    """
    runs = rayjobs.list(TEMPLATE_LABEL, wish.template)
    for run in runs:
        if run["metadata"]["name"] == wish.name:
            if is_alive(run) or outcome(run).exit_status != EXIT_TRY_AGAIN:
                return run, False
            _remove(rayjobs, wish.name)
    if alive := [run for run in runs if is_alive(run)]:
        other, state = alive[0]["metadata"]["name"], state_of(alive[0])
        raise SetupError(
            f"another run is alive: RayJob {other} ({state}); wait for it, or kubectl delete rayjob {other}"
        )
    template = rayjobs.get(wish.template)
    try:
        return rayjobs.create(run_from(template, wish.name, wish.labels, wish.on_cluster)), True
    except AlreadyThere:  # created between our list and now, by an attempt whose answer was lost, or by a stranger
        return _own(rayjobs.get(wish.name), wish), False


def wait(rayjobs: RayJobs, run: Document) -> Outcome:
    """Wait until the run has ended; log each change of its state.

    Raises NoAnswer when the API server is away for longer than our patience. Whatever is missed meanwhile is seen
    afterwards: after every break the object is read as it is now.
    """
    name, uid, seen = run["metadata"]["name"], run["metadata"]["uid"], ""
    try:
        while True:
            for state in _states(rayjobs, run):
                if state["metadata"]["uid"] != uid:
                    raise NotFound(f"RayJob {name} was deleted and created again")
                if state_of(state) != seen:
                    seen = state_of(state)
                    log.info("rayjob=%s state=%s", name, seen)
                if not is_alive(state):
                    return outcome(state)
            time.sleep(rayjobs.patience.between_watches_s)
            run = rayjobs.get(name)
    except NotFound as exc:
        return Outcome(EXIT_DELETED, f"{exc}: not launched again; the next run resumes")


def prune(rayjobs: RayJobs, wish: LaunchRequest) -> None:
    """Delete finished runs of the template beyond the newest `keep`, never the wanted one; only log what fails."""
    try:
        ended = [run for run in rayjobs.list(TEMPLATE_LABEL, wish.template) if not is_alive(run)]
        for run in ended[: max(0, len(ended) - wish.keep)]:
            name = run["metadata"]["name"]
            if name != wish.name:
                rayjobs.delete(name)
                log.info("rayjob=%s deleted: only the last %d finished runs are kept", name, wish.keep)
    except ReelmendError as exc:  # among them NotFound: somebody else was faster, and the next night comes
        log.warning("could not delete old runs: %s", exc)


def _remove(rayjobs: RayJobs, name: str) -> None:
    """Delete a run that has ended and wait until it is gone, so that another can have its name."""
    log.info("rayjob=%s ended because a store was unreachable; it is created again", name)
    deadline = time.monotonic() + _GONE_S
    try:
        rayjobs.delete(name)
        while time.monotonic() < deadline:
            rayjobs.get(name)
            time.sleep(rayjobs.patience.between_watches_s)
    except NotFound:
        return
    raise SetupError(f"RayJob {name} was deleted {_GONE_S:g} s ago and is still there; kubectl delete rayjob {name}")


def _states(rayjobs: RayJobs, run: Document) -> Iterator[Document]:
    yield run
    try:
        yield from rayjobs.watch(run)
    except WatchEnded as exc:
        log.info("%s; restarting the watch", exc)


def _own(run: Document, wish: LaunchRequest) -> Document:
    if run["metadata"].get("labels", {}).get(TEMPLATE_LABEL) != wish.template:
        raise SetupError(f"RayJob {wish.name} exists and is not a run of template {wish.template}; delete or rename it")
    return run
