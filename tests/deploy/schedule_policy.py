"""What CronJob, launcher and run must agree on."""

from collections.abc import Iterator
from zoneinfo import available_timezones

from reelmend.cluster.kubernetes.rayjob import LONGEST_NAME, run_name
from reelmend.pipelines.errors import EXIT_DELETED, EXIT_INCOMPLETE, EXIT_NOT_STARTED, ConfigError
from tests.deploy.manifests import Document, of_kind
from tests.deploy.policy import rule

_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}
_LONGEST_CLUSTER_NAME = 53
_LONGEST_CRONJOB_NAME = 52
_IN_QUEUE_S = 8 * 3600
"""A run's deadline begins when its queue admits it, the launcher's when it is made."""

FINAL = [EXIT_NOT_STARTED, EXIT_INCOMPLETE, EXIT_DELETED]
"""Exit statuses of a launcher after which trying again would only end so again, or is not wanted."""


@rule
def schedules_are_times_that_come(documents: list[Document]) -> Iterator[str]:
    for cronjob in of_kind(documents, "CronJob"):
        spec = cronjob["spec"]
        fields = spec["schedule"].split()
        if len(fields) != len(_FIELDS):
            yield f"{spec['schedule']}: not five fields"
            continue
        for (name, (least, most)), field in zip(_FIELDS.items(), fields, strict=True):
            numbers = [part for part in field.replace("/", ",").replace("-", ",").split(",") if part != "*"]
            if not all(part.isdigit() and least <= int(part) <= most for part in numbers):
                yield f"{spec['schedule']}: {name} {field}"
        if spec.get("timeZone") not in available_timezones():
            yield f"time zone {spec.get('timeZone')}"


@rule
def runs_do_not_overlap_and_pods_end_once(documents: list[Document]) -> Iterator[str]:
    for cronjob in of_kind(documents, "CronJob"):
        job = cronjob["spec"]["jobTemplate"]["spec"]
        if cronjob["spec"].get("concurrencyPolicy") != "Forbid":
            yield f"concurrencyPolicy {cronjob['spec'].get('concurrencyPolicy')}"
        if job["template"]["spec"].get("restartPolicy") != "Never":
            yield "restartPolicy must be Never: a podFailurePolicy needs it"
        final = [one.get("onExitCodes", {}).get("values") for one in job["podFailurePolicy"]["rules"]]
        if FINAL not in final:
            yield "a run that failed for good would be launched again"


@rule
def deadlines_add_up(documents: list[Document]) -> Iterator[str]:
    for cronjob in of_kind(documents, "CronJob"):
        launcher_s = cronjob["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
        if cronjob["spec"].get("startingDeadlineSeconds", 0) < 10:
            yield "startingDeadlineSeconds under 10: the controller looks every 10 s, and would miss nights"
        for rayjob in of_kind(documents, "RayJob"):
            spec = rayjob["spec"]
            run_s = spec["activeDeadlineSeconds"] * (spec["backoffLimit"] + 1)
            if launcher_s <= run_s + (_IN_QUEUE_S if of_kind(documents, "LocalQueue") else 0):
                yield f"the launcher is ended after {launcher_s} s, the run after {run_s} s and its time in a queue"
            if spec["preRunningDeadlineSeconds"] >= spec["activeDeadlineSeconds"]:
                yield "waiting for machines may take the whole run's time"


@rule
def names_leave_room_for_what_is_added_to_them(documents: list[Document]) -> Iterator[str]:
    for rayjob in of_kind(documents, "RayJob"):
        try:
            run_name(rayjob["metadata"]["name"], "scheduled-29940570")
        except ConfigError:
            yield f"RayJob {rayjob['metadata']['name']}: with its date longer than {LONGEST_NAME}"
    for kind, longest in (("RayCluster", _LONGEST_CLUSTER_NAME), ("CronJob", _LONGEST_CRONJOB_NAME)):
        for document in of_kind(documents, kind):
            if len(document["metadata"]["name"]) > longest:
                yield f"{kind} {document['metadata']['name']}: longer than {longest}"


@rule
def runs_are_sent_to_a_queue_that_is_there(documents: list[Document]) -> Iterator[str]:
    queues = {queue["metadata"]["name"] for queue in of_kind(documents, "LocalQueue")}
    for cronjob in of_kind(documents, "CronJob"):
        (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        labels = [word.partition("=") for word in container.get("args", [])]
        sent = {value for key, _, value in labels if key == "kueue.x-k8s.io/queue-name"}
        if sent != queues:
            yield f"runs are sent to {sorted(sent)}, there are {sorted(queues)}"


@rule
def the_cronjob_launches_what_is_there(documents: list[Document]) -> Iterator[str]:
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for cronjob in of_kind(documents, "CronJob"):
        (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        command, words = container["command"], container.get("args", [])
        if command[:2] != ["reelmend", "launch"] or ("RayJob", command[2]) not in there:
            yield f"{command}: launches no template of this overlay"
        if "--on-cluster" in words and ("RayCluster", words[words.index("--on-cluster") + 1]) not in there:
            yield f"{words}: no such RayCluster"
        paths = [one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") for one in container.get("env", [])]
        if "metadata.labels['batch.kubernetes.io/job-name']" not in paths:
            yield "the launcher does not know which night it is"
