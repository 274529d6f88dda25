"""What would `kubectl apply -k` send? Every overlay, rendered by kustomize, as documents."""

import subprocess
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
OVERLAYS = sorted(folder.name for folder in (K8S / "overlays").iterdir())

Document = dict[str, Any]


def rendered(overlay: str) -> list[Document]:
    """Return the documents of an overlay, to be changed at will; skips the test where kubectl is missing."""
    if which("kubectl") is None:
        pytest.skip("kubectl is not installed: manifests are not checked")
    return deepcopy(_rendered(overlay))


@cache
def _rendered(overlay: str) -> list[Document]:
    command = ["kubectl", "kustomize", str(K8S / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def one(documents: list[Document], kind: str, name: str | None = None) -> Document:
    (found,) = [one for one in documents if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    return found


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def cluster_specs(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield (where, RayClusterSpec) of every RayJob and RayCluster."""
    for document in of_kind(documents, "RayJob"):
        yield f"RayJob {document['metadata']['name']}", document["spec"]["rayClusterSpec"]
    for document in of_kind(documents, "RayCluster"):
        yield f"RayCluster {document['metadata']['name']}", document["spec"]


def pod_templates(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield (where, pod template) of everything that makes pods."""
    for document in documents:
        where = f"{document['kind']} {document['metadata']['name']}"
        match document["kind"]:
            case "CronJob":
                yield where, document["spec"]["jobTemplate"]["spec"]["template"]
            case "StatefulSet":
                yield where, document["spec"]["template"]
            case "RayJob":
                yield f"{where} submitter", document["spec"]["submitterPodTemplate"]
    for where, spec in cluster_specs(documents):
        yield f"{where} head", spec["headGroupSpec"]["template"]
        for group in spec["workerGroupSpecs"]:
            yield f"{where} group {group['groupName']}", group["template"]


def containers(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield (where, container) of every pod, init containers too."""
    for where, template in pod_templates(documents):
        for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            yield f"{where} container {container['name']}", container
