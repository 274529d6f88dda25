"""Checks what `kubectl apply -k` would send with checkov: `python deploy/check_overlays.py CHECKOV`.

Pods that KubeRay makes from a template are checked as pods. What is known and has its reason stands in exceptions.yaml.
Without kubectl nothing can be rendered: that is said, and is no failure.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parent
OVERLAYS = sorted(folder for folder in (DEPLOY / "k8s" / "overlays").iterdir() if folder.is_dir())
NAMESPACE = "reelmend"

Failure = tuple[str, str, str]
"""Check, object as KIND/NAME, what the check says."""


def main(checkov: str) -> int:
    if shutil.which("kubectl") is None:
        print("SKIPPED: kubectl is not installed, so the overlays were not checked")
        return 0
    exceptions: dict[str, dict[str, str]] = yaml.safe_load((DEPLOY / "exceptions.yaml").read_text())
    found: set[Failure] = set()
    for overlay in OVERLAYS:
        passed, failures = check(overlay, checkov)
        print(f"{overlay.name}: {passed} checks passed, {len(failures)} did not")
        found |= failures
    unexpected = sorted(failure for failure in found if not excepted(failure, exceptions))
    for name, where, words in unexpected:
        print(f"{name} {where}: {words}; mend it, or give the reason in deploy/exceptions.yaml")
    unused = [
        f"{name} {where}"
        for name, places in exceptions.items()
        for where in places
        if not any(failure[0] == name and fnmatchcase(failure[1], where) for failure in found)
    ]
    for line in unused:
        print(f"{line}: no overlay needs this exception any more; remove it from deploy/exceptions.yaml")
    return 1 if unexpected or unused else 0


def excepted(failure: Failure, exceptions: dict[str, dict[str, str]]) -> bool:
    return any(fnmatchcase(failure[1], where) for where in exceptions.get(failure[0], {}))


def check(overlay: Path, checkov: str) -> tuple[int, set[Failure]]:
    """Return how many checks an overlay passes, and those that it does not."""
    command = ["kubectl", "kustomize", str(overlay)]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    documents = [*yaml.safe_load_all(rendered)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rendered.yaml"
        file.write_text(yaml.safe_dump_all([*documents, *pods_of_ray(documents)]))
        said = subprocess.run(
            [checkov, "-f", str(file), "--framework", "kubernetes", "--skip-download", "-o", "json", "--compact"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    report: dict[str, Any] = json.loads(said.stdout)
    failures = {
        (one["check_id"], _object(one["resource"]), one["check_name"]) for one in report["results"]["failed_checks"]
    }
    return report["summary"]["passed"], failures


def pods_of_ray(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the pods that RayJobs and RayClusters describe, which checkov does not know."""
    for document in documents:
        name, spec = f"{document['kind']}-{document['metadata']['name']}", document.get("spec", {})
        templates = {}
        if document["kind"] == "RayJob":
            templates["submitter"] = spec["submitterPodTemplate"]
        if document["kind"] in ("RayJob", "RayCluster"):
            cluster = spec.get("rayClusterSpec", spec)
            templates["head"] = cluster["headGroupSpec"]["template"]
            templates |= {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
        for part, template in templates.items():
            metadata = {"name": f"{name}-{part}", "namespace": NAMESPACE}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _object(resource: str) -> str:
    """Return KIND/NAME of checkov's KIND.NAMESPACE.NAME."""
    kind, _, name = resource.split(".", 2)
    return f"{kind}/{name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
