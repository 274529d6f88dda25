"""What docs/kubernetes.md tells a reader to write is rendered here, and enough for what is sent there."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

Document = dict[str, Any]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""By name, those that the page shows."""


def test_every_message_that_the_page_explains_is_one_of_the_launcher() -> None:
    rows = PAGE.partition("## Messages")[2].splitlines()
    messages = [row.split("`")[1] for row in rows if row.startswith("| `")]
    code = "".join(path.read_text() for path in (ROOT / "cluster" / "kubernetes").glob("*.py"))
    fragments = [part.strip(" ()") for message in messages for part in message.split("...")]
    assert len(messages) > 5
    assert [part for part in fragments if part.removesuffix(":") not in code] == []


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """The folder that the page tells a reader to write, rendered."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: the page's folder is not rendered")
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "nightly").mkdir()
    for name in ("nightly/kustomization.yaml", "nightly/job.yaml"):
        (folder / name).write_text(FILES[name])
    (folder / "nightly/weights.sha256").write_text("0" * 64 + "  a.pth")
    return _rendered(folder / "nightly")


def _rendered(folder: Path) -> list[Document]:
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _one(documents: list[Document], kind: str, name: str) -> Document:
    return next(one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_a_folder_of_ones_own_changes_the_image_everywhere(nightly: list[Document]) -> None:
    images = set(re.findall(r"'image': '([^']+)'", repr(nightly)))
    assert images == {"registry.example.org/video/reelmend:0.1.0"}


def test_a_folder_of_ones_own_changes_job_weights_and_nothing_else_of_their_configmaps(nightly: list[Document]) -> None:
    assert (
        yaml.safe_load(_one(nightly, "ConfigMap", "reelmend-job")["data"]["job.yaml"])["out"] == "s3://footage/restored"
    )
    weights = _one(nightly, "ConfigMap", "reelmend-weights")["data"]
    assert weights["REELMEND_WEIGHTS_MIRROR"] == "s3://footage/weights"
    assert weights["weights.sha256"].endswith("a.pth")


def test_a_folder_of_ones_own_changes_schedule_and_identity(nightly: list[Document]) -> None:
    assert _one(nightly, "CronJob", "reelmend-nightly")["spec"]["schedule"] == "0 22 * * 1-5"
    named = {
        one["metadata"]["name"]
        for one in nightly
        if one["kind"] == "ServiceAccount" and "annotations" in one["metadata"]
    }
    assert named == {"reelmend-head", "reelmend-worker"}


def _amount(quantity: str) -> float:
    found = re.fullmatch(r"(\d+)(\w*)", str(quantity))
    assert found is not None, quantity
    number, unit = found.groups()
    return int(number) * {"": 1.0, "m": 1e-3, "Mi": 2.0**20, "Gi": 2.0**30}[unit]


def _pods(rayjob: Document) -> Iterator[tuple[int, list[Document]]]:
    """(how many, its containers) of what Kueue reserves room for."""
    spec = rayjob["spec"]
    yield 1, spec["submitterPodTemplate"]["spec"]["containers"]
    yield 1, spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        yield group["replicas"], group["template"]["spec"]["containers"]


def test_the_cluster_queue_of_the_page_admits_a_run_and_covers_all_that_its_pods_ask_for() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: the overlay is not rendered")
    documents = _rendered(ROOT / "deploy/k8s/overlays/kueue")
    needed: Counter[str] = Counter()
    for count, containers in _pods(next(one for one in documents if one["kind"] == "RayJob")):
        for container in containers:
            needed.update({name: count * _amount(one) for name, one in container["resources"]["requests"].items()})
    queue = next(one for one in yaml.safe_load_all(FILES["queue.yaml"]) if one["kind"] == "ClusterQueue")
    (group,) = queue["spec"]["resourceGroups"]
    quotas = {one["name"]: _amount(one["nominalQuota"]) for one in group["flavors"][0]["resources"]}
    assert quotas.keys() == set(group["coveredResources"]) == needed.keys()
    assert all(quotas[name] >= needed[name] for name in needed), needed
    assert _one(documents, "LocalQueue", "reelmend")["spec"]["clusterQueue"] == queue["metadata"]["name"]
