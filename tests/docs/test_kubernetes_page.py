"""What docs/kubernetes.md shows is rendered here, or says that it needs a cluster."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_command_says_that_it_needs_a_cluster():
    commands = [text for language, text in BLOCKS if language == ""]
    assert commands
    assert all(text.startswith("# needs a cluster\n") for text in commands)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that the page tells a reader to write, rendered."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: the page's folder is not rendered")
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "site").mkdir()
    kustomization, job = (text for language, text in BLOCKS if language == "yaml")
    for name, text in (
        ("kustomization.yaml", kustomization),
        ("job.yaml", job),
        ("weights.sha256", "0" * 64 + "  a.pth"),
    ):
        (folder / "site" / name).write_text(text)
    command = ["kubectl", "kustomize", str(folder / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _one(site, kind, name):
    return next(one for one in site if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_a_site_changes_the_image_everywhere(site):
    images = set(re.findall(r"'image': '([^']+)'", repr(site)))
    assert images == {"registry.example.org/video/reelmend:0.1.0"}


def test_a_site_changes_job_weights_and_nothing_else_of_their_configmaps(site):
    assert yaml.safe_load(_one(site, "ConfigMap", "reelmend-job")["data"]["job.yaml"])["out"] == "s3://footage/restored"
    weights = _one(site, "ConfigMap", "reelmend-weights")["data"]
    assert weights["REELMEND_WEIGHTS_MIRROR"] == "s3://footage/weights"
    assert weights["weights.sha256"].endswith("a.pth")


def test_a_site_changes_schedule_and_identity(site):
    assert _one(site, "CronJob", "reelmend-nightly")["spec"]["schedule"] == "0 22 * * 1-5"
    named = {
        one["metadata"]["name"] for one in site if one["kind"] == "ServiceAccount" and "annotations" in one["metadata"]
    }
    assert named == {"reelmend-head", "reelmend-worker"}
