"""Names of runs, what a run is made of, and what its end means."""

from copy import deepcopy

import pytest

from reelmend.cluster.kubernetes.rayjob import is_alive, outcome, run_from, run_name
from reelmend.pipelines.errors import ConfigError
from tests.launch.templates import TEMPLATE


def test_a_run_is_named_after_the_scheduled_time_of_its_cronjob() -> None:
    assert run_name("reelmend-nightly", "reelmend-nightly-29940570") == "reelmend-nightly-20261205-0130"


def test_the_run_of_a_job_that_no_cronjob_made_bears_its_name() -> None:
    assert run_name("reelmend-nightly", "after-the-fix") == "reelmend-nightly-after-the-fix"
    assert run_name("reelmend-nightly", "redo-20261205") == "reelmend-nightly-redo-20261205"


@pytest.mark.parametrize(
    "job_name", ["reelmend-nightly-29940570", "first", "reelmend-nightly", "reelmend-nightly-first"]
)
def test_no_run_has_the_name_of_its_own_job_because_kuberay_makes_a_job_of_the_runs_name(job_name: str) -> None:
    assert run_name("reelmend-nightly", job_name) != job_name


@pytest.mark.parametrize("job_name", ["x" * 40, "Again", "a_b", "again-", ""])
def test_a_name_that_kuberay_would_refuse_is_refused_before_anything_is_asked(job_name: str) -> None:
    with pytest.raises(ConfigError, match="not a valid RayJob name"):
        run_name("nightly", job_name)


def test_a_run_is_the_template_let_go_with_none_of_its_labels() -> None:
    run = run_from(TEMPLATE, "nightly-1", {"queue": "gpus"}, None)
    assert "suspend" not in run["spec"]
    assert run["spec"]["entrypoint"] == "reelmend run job.yaml"
    assert run["metadata"] == {"name": "nightly-1", "labels": {"queue": "gpus", "reelmend-template": "nightly"}}


def test_a_template_that_is_not_suspended_is_refused() -> None:
    running = deepcopy(TEMPLATE)
    del running["spec"]["suspend"]
    with pytest.raises(ConfigError, match=r"spec\.suspend: true"):
        run_from(running, "nightly-1", {}, None)


def test_a_run_on_a_standing_cluster_neither_makes_one_nor_ends_it() -> None:
    spec = run_from(TEMPLATE, "nightly-1", {}, "reelmend")["spec"]
    assert spec["clusterSelector"] == {"ray.io/cluster": "reelmend"}
    assert not spec["shutdownAfterJobFinishes"]
    assert spec["backoffLimit"] == 0  # KubeRay allows no more on a cluster that is not the run's own
    assert not {"rayClusterSpec", "suspend", "ttlSecondsAfterFinished"} & spec.keys()


def _ended(**status: str) -> dict[str, dict[str, str]]:
    return {"metadata": {"name": "nightly-1"}, "status": status}


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [
        ({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}, 0),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}, 130),
        ({"jobDeploymentStatus": "ValidationFailed", "message": "the name is too long"}, 2),
        ({"jobDeploymentStatus": "Failed", "reason": "DeadlineExceeded"}, 130),
        ({"jobDeploymentStatus": "Failed"}, 130),
    ],
)
def test_only_success_is_success(status: dict[str, str], exit_status: int) -> None:
    assert outcome(_ended(**status)).exit_status == exit_status


@pytest.mark.parametrize(("code", "exit_status"), [(1, 1), (2, 2), (3, 3), (130, 130), (-9, 137)])
def test_the_exit_status_of_the_run_comes_through(code: int, exit_status: int) -> None:
    said = f"Job entrypoint command failed with exit code {code}, last available logs (truncated to 20,000 chars):\nno"
    failed = _ended(jobDeploymentStatus="Failed", jobStatus="FAILED", reason="AppFailed", message=said)
    assert outcome(failed).exit_status == exit_status


def test_what_a_run_printed_is_not_taken_for_its_exit_status() -> None:
    said = "Job entrypoint command failed with exit code 3, last available logs: ffmpeg failed with exit code 2"
    assert outcome(_ended(jobDeploymentStatus="Failed", jobStatus="FAILED", message=said)).exit_status == 3


@pytest.mark.parametrize("state", ["", "Initializing", "Running", "Retrying", "Waiting", "Suspended"])
def test_what_has_not_ended_is_alive(state: str) -> None:
    assert is_alive(_ended(jobDeploymentStatus=state))


@pytest.mark.parametrize("state", ["Complete", "Failed", "ValidationFailed"])
def test_what_has_ended_is_not_alive(state: str) -> None:
    assert not is_alive(_ended(jobDeploymentStatus=state))
