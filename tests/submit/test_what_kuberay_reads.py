"""KubeRay copies what Ray says of a job into the RayJob; the launcher reads the run's exit status out of it."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from reelmend.cluster.kubernetes.rayjob import outcome
from tests.submit.machines import Head

PATIENCE_S = 120
ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}


@pytest.mark.ray
def test_the_exit_status_of_a_run_is_in_what_ray_says_about_its_job(head: Head, tmp_path: Path) -> None:
    said = _job(head, f"{sys.executable} -m reelmend.pipelines.cli run {tmp_path / 'missing.yaml'}")
    status = {"jobDeploymentStatus": "Failed", "jobStatus": said["status"], "message": said["message"]}
    assert said["status"] == "FAILED"
    assert outcome({"metadata": {"name": "run"}, "status": status}).exit_status == 2


def _job(head: Head, entrypoint: str) -> dict[str, Any]:
    """Submit as KubeRay does, by Ray's REST API; return what it says of the job at its end."""
    headers = {"Authorization": f"Bearer {head.env['RAY_AUTH_TOKEN']}"}
    give_up_s = time.monotonic() + PATIENCE_S
    jobs = f"{head.url}/api/jobs/"
    made = requests.post(jobs, json={"entrypoint": entrypoint}, headers=headers, timeout=30)
    while not made.ok and time.monotonic() < give_up_s:  # the process that takes jobs is not up yet
        time.sleep(0.5)
        made = requests.post(jobs, json={"entrypoint": entrypoint}, headers=headers, timeout=30)
    made.raise_for_status()
    said: dict[str, Any] = {"status": "PENDING"}
    while said["status"] not in ENDED and time.monotonic() < give_up_s:
        time.sleep(0.5)
        said = requests.get(jobs + made.json()["submission_id"], headers=headers, timeout=30).json()
    return said
