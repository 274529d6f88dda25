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


def test_every_message_that_the_page_explains_is_one_of_the_launcher():
    rows = PAGE.partition("## What does that message mean?")[2].splitlines()
    messages = [row.split("`")[1] for row in rows if row.startswith("| `")]
    code = "".join(path.read_text() for path in (ROOT / "cluster" / "kubernetes").glob("*.py"))
    fragments = [part.strip(" ()") for message in messages for part in message.split("...")]
    assert len(messages) > 5
    assert [part for part in fragments if part.removesuffix(":") not in code] == []


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    """The folder that the page tells a reader to write, rendered."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: the page's folder is not rendered")
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "nightly").mkdir()
    kustomization, job = (text for language, text in BLOCKS if language == "yaml")
    for name, text in (
        ("kustomization.yaml", kustomization),
        ("job.yaml", job),
        ("weights.sha256", "0" * 64 + "  a.pth"),
    ):
        (folder / "nightly" / name).write_text(text)
    command = ["kubectl", "kustomize", str(folder / "nightly")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _one(documents, kind, name):
    return next(one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_a_folder_of_ones_own_changes_the_image_everywhere(nightly):
    images = set(re.findall(r"'image': '([^']+)'", repr(nightly)))
    assert images == {"registry.example.org/video/reelmend:0.1.0"}


def test_a_folder_of_ones_own_changes_job_weights_and_nothing_else_of_their_configmaps(nightly):
    assert (
        yaml.safe_load(_one(nightly, "ConfigMap", "reelmend-job")["data"]["job.yaml"])["out"] == "s3://footage/restored"
    )
    weights = _one(nightly, "ConfigMap", "reelmend-weights")["data"]
    assert weights["REELMEND_WEIGHTS_MIRROR"] == "s3://footage/weights"
    assert weights["weights.sha256"].endswith("a.pth")


def test_a_folder_of_ones_own_changes_schedule_and_identity(nightly):
    assert _one(nightly, "CronJob", "reelmend-nightly")["spec"]["schedule"] == "0 22 * * 1-5"
    named = {
        one["metadata"]["name"]
        for one in nightly
        if one["kind"] == "ServiceAccount" and "annotations" in one["metadata"]
    }
    assert named == {"reelmend-head", "reelmend-worker"}
