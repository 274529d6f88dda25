"""What must alerts say, so that they can ever fire, and whoever is woken knows what to do?"""

import re
from collections.abc import Iterator

from reelmend.pipelines.observe.metrics import ITEM_OUTCOMES, METRICS, Kind, TaskOutcome
from tests.deploy.manifests import Document, of_kind
from tests.deploy.policy import rule

_KUBE_STATE = {
    "kube_job_failed": {"namespace", "job_name", "condition"},
    "kube_job_owner": {"namespace", "job_name", "owner_kind", "owner_name", "owner_is_controller"},
    "kube_job_status_start_time": {"namespace", "job_name"},
    "kube_cronjob_next_schedule_time": {"namespace", "cronjob"},
}
"""Metrics of kube-state-metrics by their labels."""

_OURS = {f"ray_{metric.name}": metric for metric in METRICS}
_LABELS = _KUBE_STATE | {name: {*metric.labels, "ray_io_cluster"} for name, metric in _OURS.items()}
_OUTCOMES = {"ray_reelmend_items_total": {*ITEM_OUTCOMES}, "ray_reelmend_tasks_total": {*map(str, TaskOutcome)}}
_SELECTED = re.compile(r"\b((?:ray|kube)_\w+)(?:\{([^}]*)\})?")
"""A metric, and what is in braces behind it."""


def _alerts(documents: list[Document]) -> Iterator[Document]:
    for document in of_kind(documents, "PrometheusRule"):
        for group in document["spec"]["groups"]:
            yield from group["rules"]


@rule
def alerts_ask_for_metrics_and_labels_that_are_exported(documents: list[Document]) -> Iterator[str]:
    for alert in _alerts(documents):
        selected = [one for one in _SELECTED.findall(alert["expr"]) if one[0] != "ray_io_cluster"]
        named = [name for name, _ in selected]
        if unknown := [name for name in named if name not in _LABELS]:
            yield f"{alert['alert']}: nobody exports {', '.join(unknown)}"
            continue
        for name, selector in selected:
            for label, said in re.findall(r'(\w+)[=!~]+"([^"]*)"', selector):
                if label not in _LABELS[name]:
                    yield f"{alert['alert']}: {name} has no label {label}"
                if label == "outcome" and not set(said.split("|")) <= _OUTCOMES[name]:
                    yield f"{alert['alert']}: no outcome is called {said}"
        in_all = set.intersection(*(_LABELS[name] for name in named))
        if wrong := _grouped_by(alert["expr"]) - in_all:
            yield f"{alert['alert']}: not all of its metrics have {', '.join(wrong)}"
        for name in re.findall(r"(?:rate|increase)\((\w+)", alert["expr"]):
            if _OURS[name].kind is not Kind.COUNTER:
                yield f"{alert['alert']}: {name} is no counter"


@rule
def alerts_say_how_bad_it_is_and_what_to_do(documents: list[Document]) -> Iterator[str]:
    names = [alert["alert"] for alert in _alerts(documents)]
    if len(set(names)) != len(names):
        yield "two alerts have one name"
    for alert in _alerts(documents):
        if alert.get("labels", {}).get("severity") not in ("warning", "critical"):
            yield f"{alert['alert']}: no severity"
        said = alert.get("annotations", {})
        if not said.get("summary") or not said.get("description"):
            yield f"{alert['alert']}: whoever is woken is not told what to do"
        shown = set(re.findall(r"\$labels\.(\w+)", " ".join(said.values())))
        if missing := shown - _labels_left(alert["expr"]):
            yield f"{alert['alert']}: has no label {', '.join(missing)} to show"


def _labels_left(query: str) -> set[str]:
    """Of sums those that they are grouped by, else those of what is asked for first."""
    first, *_ = _SELECTED.findall(query)
    return _grouped_by(query) if "by (" in query else _LABELS.get(first[0], set())


def _grouped_by(query: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"(?:by|on) \(([^)]*)\)", query) for label in labels.split(",")}


@rule
def alerts_wait_as_long_as_the_cronjob_does(documents: list[Document]) -> Iterator[str]:
    for alert in _alerts(documents):
        for seconds in re.findall(r"next_schedule_time\{[^}]*\} > (\d+)", alert["expr"]):
            for cronjob in of_kind(documents, "CronJob"):
                if int(seconds) != cronjob["spec"]["startingDeadlineSeconds"]:
                    yield f"{alert['alert']}: a night is missed after {cronjob['spec']['startingDeadlineSeconds']} s"


@rule
def alerts_look_into_the_namespace_they_are_in(documents: list[Document]) -> Iterator[str]:
    for document in of_kind(documents, "PrometheusRule"):
        for alert in _alerts([document]):
            for namespace in re.findall(r'namespace="([^"]*)"', alert["expr"]):
                if namespace != document["metadata"]["namespace"]:
                    yield f"{alert['alert']}: looks into {namespace}"
