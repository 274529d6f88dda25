"""`reelmend launch` as a pod runs it: a process, its exit status, its signals."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.launch.api_server import ApiServer

NAME = "nightly-20261205-0130"
SUCCEEDED = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}


def _reelmend(*words: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from reelmend.pipelines.cli import main; main()", *words]
    hidden = {"KUBERNETES_SERVICE_HOST", "REELMEND_JOB_NAME"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | variables
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def _launch(server: ApiServer, *words: str) -> subprocess.Popen[str]:
    return _reelmend(
        *("launch", "nightly", "--server", server.url, "--namespace", "reelmend", *words),
        REELMEND_JOB_NAME="nightly-29940570",
    )


def test_a_run_that_succeeds_is_exit_status_0_and_one_line(server: ApiServer) -> None:
    server.on_watch = [SUCCEEDED]
    with _launch(server, "--label", "kueue.x-k8s.io/queue-name=gpus") as process:
        printed, log = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, f"RayJob {NAME} succeeded\n")
    assert f"rayjob={NAME} created" in log
    assert server.objects[NAME]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"


def test_quarantined_items_are_exit_status_3_for_the_cronjob_too(server: ApiServer) -> None:
    failed = {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "message": "x failed with exit code 3. No logs"}
    server.on_watch = [failed]
    with _launch(server, "--json") as process:
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    what = "ended with exit status 3"
    assert json.loads(printed) == {"rayjob": NAME, "created": True, "exit_status": 3, "what": what}


def test_sigterm_ends_the_launcher_and_not_the_run(server: ApiServer) -> None:
    server.on_watch = [{"jobDeploymentStatus": "Running"}]
    with _launch(server) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "state=Running" in line)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert server.objects[NAME]["status"] == {"jobDeploymentStatus": "Running"}


def test_a_right_that_is_taken_away_meanwhile_is_not_a_run_that_was_never_started(server: ApiServer) -> None:
    server.statuses = [0, 0, 0, 0, 403]  # list, template, creation, list of old runs, watch
    with _launch(server) as process:
        _, log = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"rayjob={NAME} continues; run the same command again to attach" in log


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nightly", "--job-name", "again"), "error: not a pod of a Kubernetes cluster"),
        (
            ("nightly", "--job-name", "again", "--server", "http://x", "--label", "gpus"),
            "error: --label gpus: give KEY=",
        ),
        (("nightly", "--job-name", "again", "--server", "x:8001"), "error: --server x:8001: expected the API's URL"),
        (("nightly", "--job-name", "Again", "--server", "http://x"), "error: nightly-Again: not a valid RayJob name"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(words: tuple[str, ...], said: str) -> None:
    with _reelmend("launch", *words) as process:
        _, log = process.communicate(timeout=60)
    assert process.returncode == 2
    assert log.startswith(said)
    assert log.count("\n") == 1
