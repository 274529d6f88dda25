"""Every object is one that Kubernetes and KubeRay know, to the last field."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kubernetes_validate import ValidationError
from kubernetes_validate import validate as validate_against

from reelmend.cluster.kubernetes.rayjob import run_from
from tests.deploy.manifests import OVERLAYS, Document, of_kind, one, pod_templates, rendered

Validators = dict[str, jsonschema.Draft202012Validator]
"""By kind."""
Change = Callable[[Document], object]

VERSIONS = ["1.30", "1.37"]
"""The oldest that the manifests are written for, and the newest whose schemas are installed."""

WITHOUT_SCHEMA = {"PodMonitor", "PrometheusRule", "LocalQueue"}
"""Kinds of which no schema is at hand."""

KUBERAY = {"RayJob", "RayCluster"}


@pytest.fixture(scope="module")
def crds() -> Validators:
    """Validators of KubeRay's resources, made strict: a field that they do not name is an error."""
    folder = os.environ.get("REELMEND_CRDS")
    if folder is None:
        pytest.skip("REELMEND_CRDS names no folder with KubeRay's schemas (RayJob.v1.json, RayCluster.v1.json)")
    schemas = {kind: json.loads((Path(folder) / f"{kind}.v1.json").read_text()) for kind in KUBERAY}
    return {kind: jsonschema.Draft202012Validator(_strict(schema)) for kind, schema in schemas.items()}


def validate(document: Document, version: str) -> None:
    validate_against(document, version, strict=True)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        made.setdefault("additionalProperties", False)
    return made


def _problems(crds: Validators, document: Document) -> list[str]:
    plain = {key: part for key, part in document.items() if key != "metadata"} | {"metadata": {}}
    return [f"{error.json_path}: {error.message}" for error in crds[document["kind"]].iter_errors(plain)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_one_that_kubernetes_knows(overlay: str, version: str) -> None:
    for document in rendered(overlay):
        if document["kind"] not in KUBERAY | WITHOUT_SCHEMA:
            validate(document, version)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_that_ray_makes_is_one_that_kubernetes_knows(overlay: str) -> None:
    for where, template in pod_templates(of_kind(rendered(overlay), *KUBERAY)):
        name = where.lower().replace(" ", "-")
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": template}
        validate(pod, VERSIONS[-1])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_the_launcher_makes_of_a_template_is_a_rayjob_that_kuberay_knows(crds: Validators, overlay: str) -> None:
    documents = rendered(overlay)
    on_cluster = "reelmend" if of_kind(documents, "RayCluster") else None
    run = run_from(one(documents, "RayJob"), "reelmend-nightly-20261205-0130", {}, on_cluster)
    assert _problems(crds, run) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_ray_resource_is_one_that_kuberay_knows(crds: Validators, overlay: str) -> None:
    for document in of_kind(rendered(overlay), *KUBERAY):
        assert _problems(crds, document) == []


def _misspell(document: Document) -> None:
    document["spec"]["concurencyPolicy"] = document["spec"].pop("concurrencyPolicy")


def _deadline_in_words(document: Document) -> None:
    document["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] = "8 hours"


def _user_in_quotes(document: Document) -> None:
    document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"] = "10001"


@pytest.mark.parametrize("break_it", [_misspell, _deadline_in_words, _user_in_quotes])
def test_a_broken_cronjob_does_not_pass(break_it: Change) -> None:
    cronjob = one(rendered("gpu"), "CronJob")
    validate(cronjob, VERSIONS[-1])
    break_it(cronjob)
    with pytest.raises(ValidationError, match=r"concurencyPolicy|8 hours|10001"):
        validate(cronjob, VERSIONS[-1])


def test_a_broken_pod_of_ray_does_not_pass() -> None:
    _, template = next(pod_templates(of_kind(rendered("gpu"), "RayJob")))
    template["spec"]["tolerations"] = [{"key": "capacity", "efect": "NoSchedule"}]
    with pytest.raises(ValidationError, match="efect"):
        validate({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}, "1.37")


def _integer_for_ray_start(spec: Document) -> None:
    spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0


def _unknown_field(spec: Document) -> None:
    spec["rayClusterSpec"]["enableAutoscaling"] = True


def _tolerations_beside_the_template(spec: Document) -> None:
    spec["rayClusterSpec"]["workerGroupSpecs"][0]["tolerations"] = []


def _group_without_template(spec: Document) -> None:
    del spec["rayClusterSpec"]["workerGroupSpecs"][0]["template"]


def _unit_that_is_none(spec: Document) -> None:
    pod = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    pod["containers"][0]["resources"]["limits"]["memory"] = "96GiB"


@pytest.mark.parametrize(
    "break_it",
    [
        _integer_for_ray_start,
        _unknown_field,
        _tolerations_beside_the_template,
        _group_without_template,
        _unit_that_is_none,
    ],
)
def test_a_broken_rayjob_does_not_pass(crds: Validators, break_it: Change) -> None:
    rayjob = one(rendered("gpu"), "RayJob")
    break_it(rayjob["spec"])
    assert _problems(crds, rayjob)
