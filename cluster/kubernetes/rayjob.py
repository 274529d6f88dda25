"""A run as a RayJob document, and the meaning of its status. Pure: documents in, documents and verdicts out."""

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from reelmend.cluster.kubernetes.api import Document
from reelmend.pipelines.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_NOT_STARTED, ConfigError, as_shell_says

TEMPLATE_LABEL = "reelmend-template"
"""Label of every run: the name of the template it was made from. Runs with the same value exclude each other."""

LONGEST_NAME = 47
"""KubeRay refuses longer names of RayJobs: it makes names of pods and services from them."""

_TERMINAL = {"Complete", "Failed", "ValidationFailed"}
_EXIT_CODE = re.compile(r"failed with exit code (-?\d+)")  # ray/dashboard/modules/job/job_supervisor.py, Ray 2.60
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MINUTES_IN_NAME = re.compile(r"-(\d{8})$")
_EARLIEST_MINUTE = 28_900_000
"""In December 2024. Smaller numbers of eight digits are dates as people write them."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    exit_status: int
    """That of the run itself where it had one; 130 when it was stopped or did not get to its end, 4 when somebody
    deleted it."""
    what: str
    """One line."""


def run_name(template: str, job_name: str) -> str:
    """Return the name of the run that the Kubernetes Job `job_name` asks for; the same whenever it asks.

    A CronJob names its Jobs after the scheduled time (`NAME-29940570`, in minutes since 1970): the run is called after
    that, in UTC (`TEMPLATE-20261205-0130`), not after the clock of the attempt. Any other Job's run is `TEMPLATE-JOB`;
    never the Job's own name, which KubeRay gives to the Job that submits the run. Raises ConfigError for a name that
    KubeRay would refuse.
    """
    scheduled = _MINUTES_IN_NAME.search(job_name)
    if scheduled and int(scheduled[1]) >= _EARLIEST_MINUTE:
        at = datetime.fromtimestamp(int(scheduled[1]) * 60, UTC)
        name = f"{template}-{at:%Y%m%d-%H%M}"
    else:
        name = f"{template}-{job_name}"
    if not _DNS_1035.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"{name}: not a valid RayJob name; use at most {LONGEST_NAME} of a-z, 0-9 and '-', beginning with a letter"
        )
    return name


def run_from(template: Document, name: str, labels: dict[str, str], on_cluster: str | None) -> Document:
    """Return the RayJob to create: the suspended template's spec, no longer suspended.

    Of the template's metadata nothing is taken over: labels and annotations there belong to whoever applies it, and a
    GitOps tool would delete a run that looks like its own. `on_cluster`: the RayCluster to run on, instead of one that
    KubeRay makes for this run. Raises ConfigError when the template is not suspended, since then it is a run itself.
    """
    spec = deepcopy(template["spec"])
    origin = template["metadata"]["name"]
    if not spec.pop("suspend", False):
        raise ConfigError(f"RayJob {origin}: a template needs spec.suspend: true, otherwise KubeRay starts it")
    if on_cluster is not None:
        for key in ("rayClusterSpec", "ttlSecondsAfterFinished", "deletionStrategy"):
            spec.pop(key, None)
        spec |= {
            "clusterSelector": {"ray.io/cluster": on_cluster},
            "shutdownAfterJobFinishes": False,
            "backoffLimit": 0,
        }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name, "labels": labels | {TEMPLATE_LABEL: origin}},
        "spec": spec,
    }


def state_of(rayjob: Document) -> str:
    """Return what KubeRay is doing with it; `New` before it has looked."""
    return str(rayjob.get("status", {}).get("jobDeploymentStatus") or "New")


def is_alive(rayjob: Document) -> bool:
    return state_of(rayjob) not in _TERMINAL


def outcome(rayjob: Document) -> Outcome:
    """Return how a RayJob that is no longer alive ended.

    `Complete` alone says little: a job that was stopped ends so too.
    """
    status = rayjob["status"]
    message = " ".join(str(status.get("message", "")).split())
    job_status, reason = status.get("jobStatus", ""), status.get("reason", "")
    if state_of(rayjob) == "ValidationFailed":
        return Outcome(EXIT_NOT_STARTED, f"KubeRay refuses it: {message or reason}")
    if job_status == "SUCCEEDED":
        return Outcome(0, "succeeded")
    if job_status == "STOPPED":
        return Outcome(EXIT_INTERRUPTED, "was stopped; the next run resumes")
    if found := _EXIT_CODE.search(message):
        code = as_shell_says(int(found[1]))
        return Outcome(code or EXIT_BUG, f"ended with exit status {code}")
    what = ", ".join(filter(None, (reason, message))) or job_status or "no reason given"
    return Outcome(EXIT_INTERRUPTED, f"did not finish ({what[:300]}); the next run resumes")
