"""A launcher waits for hours: it sees the end whatever happens to its connection meanwhile."""

import pytest

from reelmend.cluster.kubernetes.api import ApiUnavailable, Document, RayJobs
from reelmend.cluster.kubernetes.launch import LaunchRequest, create_or_attach, wait
from tests.launch.api_server import PATH, ApiServer

RUNNING = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}
SUCCEEDED = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}


@pytest.fixture
def run(rayjobs: RayJobs, wish: LaunchRequest) -> Document:
    return create_or_attach(rayjobs, wish)[0]


def test_the_end_of_the_run_is_seen_on_the_watch(server: ApiServer, rayjobs: RayJobs, run: Document) -> None:
    server.on_watch = [SUCCEEDED]
    assert wait(rayjobs, run).exit_status == 0
    assert server.asked[-1] == f"GET {PATH}"


@pytest.mark.parametrize("fault", ["gone", "expired", "cut", "cut within an event", "silent"])
def test_an_end_that_a_broken_watch_hid_is_seen_afterwards(
    server: ApiServer,
    rayjobs: RayJobs,
    run: Document,
    fault: str,
) -> None:
    server.on_watch = [RUNNING, SUCCEEDED]
    server.watch_faults = [fault, fault]
    assert wait(rayjobs, run).exit_status == 0


def test_the_server_may_be_away_for_a_while(server: ApiServer, rayjobs: RayJobs, run: Document) -> None:
    server.watch_faults = ["cut"]
    server.statuses = [0, 503, 429, "hang"]  # the watch, then looks at the run
    server.on_watch = [RUNNING, SUCCEEDED]
    assert wait(rayjobs, run).exit_status == 0


def test_a_server_that_does_not_come_back_is_not_a_failed_run(
    server: ApiServer, rayjobs: RayJobs, run: Document
) -> None:
    server.statuses = [503] * 10_000
    with pytest.raises(ApiUnavailable):
        wait(rayjobs, run)
    assert run["metadata"]["name"] in server.objects


def test_a_run_that_somebody_deletes_was_meant_to_end_and_is_told_from_one_that_was_cut_off(
    server: ApiServer, rayjobs: RayJobs, run: Document
) -> None:
    """The CronJob tries 130 again, which would bring a run back that was deleted to roll back."""
    server.remove(run["metadata"]["name"])
    assert wait(rayjobs, run).exit_status == 4


def test_a_run_that_was_made_anew_under_the_same_name_is_another(
    server: ApiServer, rayjobs: RayJobs, run: Document
) -> None:
    server.remove(run["metadata"]["name"])
    server.watch_faults = ["gone"]
    fresh = {key: run["metadata"][key] for key in ("name", "labels")}
    server.put(run | {"metadata": fresh, "status": SUCCEEDED})
    assert wait(rayjobs, run).exit_status == 4
