"""One run at a time, and the same run for every attempt of one Job."""

from pathlib import Path

import pytest

from reelmend.cluster.kubernetes.access import Access
from reelmend.cluster.kubernetes.api import ApiUnavailable, RayJobs
from reelmend.cluster.kubernetes.launch import LaunchRequest, create_or_attach, prune
from reelmend.cluster.kubernetes.rayjob import run_from
from reelmend.pipelines.errors import ConfigError, SetupError
from tests.launch.api_server import PATH, ApiServer
from tests.launch.templates import QUICK, TEMPLATE

NAME = "nightly-20261203-0130"


def _put_run(server: ApiServer, name: str, state: str) -> None:
    server.put(run_from(TEMPLATE, name, {}, None))
    server.set_status(name, jobDeploymentStatus=state)


def test_the_first_attempt_creates_the_run(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    run, created = create_or_attach(rayjobs, wish)
    assert created
    assert run["metadata"]["name"] == NAME
    assert "suspend" not in server.objects[NAME]["spec"]


def test_the_second_attempt_attaches(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    first, _ = create_or_attach(rayjobs, wish)
    second, created = create_or_attach(rayjobs, wish)
    assert not created
    assert second["metadata"]["uid"] == first["metadata"]["uid"]


def test_an_attempt_attaches_to_its_run_when_that_has_failed_already(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    _put_run(server, NAME, "Failed")
    assert create_or_attach(rayjobs, wish)[0]["status"] == {"jobDeploymentStatus": "Failed"}


@pytest.mark.parametrize(("exit_code", "created"), [(75, True), (3, False)])
def test_a_run_that_a_store_s_outage_ended_is_made_anew_by_the_next_attempt(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest, exit_code: int, created: bool
) -> None:
    server.put(run_from(TEMPLATE, NAME, {}, None))
    message = f"Job failed due to an application error, failed with exit code {exit_code}"
    server.set_status(NAME, jobDeploymentStatus="Failed", jobStatus="FAILED", message=message)
    before = server.objects[NAME]["metadata"]["uid"]
    run, made = create_or_attach(rayjobs, wish)
    assert made is created
    assert (run["metadata"]["uid"] != before) is created


def test_a_creation_whose_answer_is_lost_is_found_when_it_is_asked_for_again(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    server.statuses = [0, 0, "lost"]  # the list, the template, the creation
    run, _ = create_or_attach(rayjobs, wish)
    assert run["metadata"]["name"] == NAME
    assert server.asked.count(f"POST {PATH}") == 2


def test_a_second_run_is_refused_while_another_is_alive(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    _put_run(server, "by-hand", "Running")
    with pytest.raises(SetupError, match=r"another run is alive: RayJob by-hand \(Running\)"):
        create_or_attach(rayjobs, wish)
    assert NAME not in server.objects


def test_a_run_that_has_ended_is_in_nobodys_way(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    _put_run(server, "nightly-20261202-0130", "ValidationFailed")
    assert create_or_attach(rayjobs, wish)[1]


def test_a_stranger_of_the_same_name_is_left_alone(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    server.put({"metadata": {"name": NAME}, "spec": {}})
    with pytest.raises(SetupError, match="is not a run of template nightly"):
        create_or_attach(rayjobs, wish)


def test_a_missing_template_is_named(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    server.remove("nightly")
    with pytest.raises(SetupError, match="namespace reelmend has no RayJob nightly"):
        create_or_attach(rayjobs, wish)


def test_a_cluster_without_kuberay_is_named(server: ApiServer, wish: LaunchRequest) -> None:
    elsewhere = RayJobs(Access(f"{server.url}/nowhere", "reelmend"))
    with pytest.raises(SetupError, match="install KubeRay"):
        create_or_attach(elsewhere, wish)


@pytest.mark.parametrize("fault", [429, 500, 503, "hang"])
def test_what_may_pass_is_asked_again(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest, fault: int | str
) -> None:
    server.statuses = [fault, fault]
    assert create_or_attach(rayjobs, wish)[1]


def test_a_server_that_stays_away_is_given_up_after_our_patience(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    server.statuses = [503] * 10_000
    with pytest.raises(ApiUnavailable, match="503"):
        create_or_attach(rayjobs, wish)


def test_a_token_that_was_replaced_is_read_anew(
    server: ApiServer, wish: LaunchRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    rayjobs = RayJobs(Access(server.url, "reelmend", token), QUICK)
    rayjobs.get("nightly")
    token.write_text("new\n")
    server.statuses = [401]
    rayjobs.get("nightly")
    assert server.tokens == ["Bearer old", "Bearer new", "Bearer new"]


def test_a_token_that_stays_refused_is_the_machines_fault(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    server.statuses = [401] * 10_000
    with pytest.raises(SetupError, match="401"):
        create_or_attach(rayjobs, wish)


def test_a_missing_right_is_said_at_once(server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest) -> None:
    server.statuses = [403]
    with pytest.raises(SetupError, match="the Role of the launcher's account must allow it"):
        create_or_attach(rayjobs, wish)
    assert len(server.asked) == 1


def test_a_run_that_the_cluster_refuses_is_the_users_fault(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    server.statuses = [0, 0, 422]
    with pytest.raises(ConfigError, match="the cluster refuses the RayJob: fault 422"):
        create_or_attach(rayjobs, wish)


def test_the_oldest_finished_runs_are_deleted_and_no_others(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest
) -> None:
    for night in range(9):
        _put_run(server, f"night-{night}", "Complete")
    _put_run(server, "alive", "Running")
    prune(rayjobs, wish)
    assert server.objects.keys() == {"nightly", "alive", *(f"night-{night}" for night in range(2, 9))}


@pytest.mark.parametrize("fault", [403, 404, 500])
def test_old_runs_that_cannot_be_deleted_stay_and_that_is_all(
    server: ApiServer, rayjobs: RayJobs, wish: LaunchRequest, fault: int
) -> None:
    for night in range(8):
        _put_run(server, f"night-{night}", "Complete")
    server.statuses = [0, *[fault] * 10_000]
    prune(rayjobs, wish)
    assert "night-0" in server.objects
