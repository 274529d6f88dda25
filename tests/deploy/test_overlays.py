"""What an overlay says about a run is what this version of reelmend understands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reelmend.pipelines.job.load import load_job
from tests.deploy.manifests import OVERLAYS, containers, of_kind, one, pod_templates, rendered


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_job_is_one_that_reelmend_reads(overlay: str, tmp_path: Path) -> None:
    documents = rendered(overlay)
    file = tmp_path / "job.yaml"
    file.write_text(one(documents, "ConfigMap", "reelmend-job")["data"]["job.yaml"])
    _, command, *words = one(documents, "RayJob")["spec"]["entrypoint"].split()
    if command == "run":
        assert words.pop(0) == "/etc/reelmend/job.yaml"
    preset = words[words.index("--preset") + 1] if "--preset" in words else None
    job = load_job(file, preset, [word for word in words if "=" in word])
    assert job.name == "nightly"
    assert job.engine == ("propagation" if overlay == "local" else "propainter")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_job_keeps_copies_on_the_pods_disk_and_within_it(overlay: str) -> None:
    documents = rendered(overlay)
    store = yaml.safe_load(one(documents, "ConfigMap", "reelmend-job")["data"]["job.yaml"])["store"]
    assert store["cache_dir"].startswith("/scratch/")
    for where, template in pod_templates(of_kind(documents, "RayJob")):
        if "group" in where:
            limits = {one["name"]: one.get("emptyDir", {}).get("sizeLimit") for one in template["spec"]["volumes"]}
            assert limits["scratch"].endswith("Gi"), where
            assert store["cache_bytes"] < int(limits["scratch"].removesuffix("Gi")) * 2**30 * 0.7, where


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_commands_are_commands_of_reelmend(overlay: str) -> None:
    documents = rendered(overlay)
    lines = [one(documents, "RayJob")["spec"]["entrypoint"].split()]
    lines += [one["command"] for _, one in containers(documents) if one.get("command", [""])[0] == "reelmend"]
    shown = subprocess.run(
        [sys.executable, "-m", "reelmend.pipelines.cli", "--help"], capture_output=True, text=True, check=True
    )
    for program, command, *_ in lines:
        assert program == "reelmend"
        assert f" {command} " in shown.stdout


def test_the_dashboard_is_found_by_its_label_and_is_json() -> None:
    dashboard = one(rendered("gpu"), "ConfigMap", "reelmend-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["reelmend.json"])["uid"] == "reelmend"


def test_the_standing_cluster_is_what_a_run_of_its_own_would_get() -> None:
    documents = rendered("long-lived")
    template, standing = one(documents, "RayJob")["spec"]["rayClusterSpec"], one(documents, "RayCluster")["spec"]
    assert standing == template | {"gcsFaultToleranceOptions": standing["gcsFaultToleranceOptions"]}


def test_the_locked_door_of_the_weights_is_closed_until_a_digest_is_written(tmp_path: Path) -> None:
    digests = one(rendered("gpu"), "ConfigMap", "reelmend-weights")["data"]["weights.sha256"]
    (tmp_path / "weights.sha256").write_text(digests)
    check = ["sha256sum", "--check", "--strict", "weights.sha256"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode != 0
    (tmp_path / "raft-things.pth").write_bytes(b"weights")
    listed = subprocess.run(["sha256sum", "raft-things.pth"], cwd=tmp_path, capture_output=True, text=True, check=True)
    (tmp_path / "weights.sha256").write_text(digests + listed.stdout)
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "raft-things.pth").write_bytes(b"other weights")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode != 0
