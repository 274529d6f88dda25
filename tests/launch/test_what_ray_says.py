"""KubeRay copies Ray's message into the RayJob's status; the run's exit status is read out of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.kubernetes.rayjob import outcome


@pytest.mark.ray
def test_the_exit_status_of_a_job_is_in_what_ray_says_about_it():
    command = [
        sys.executable,
        str(Path(__file__).with_name("ray_job.py")),
        "bash -c 'echo three items quarantined; exit 3'",
    ]
    environment = os.environ | {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=300)
    status = json.loads(done.stdout.splitlines()[-1])
    assert status["jobStatus"] == "FAILED"
    assert (
        outcome({"metadata": {"name": "run"}, "status": {"jobDeploymentStatus": "Failed", **status}}).exit_status == 3
    )
