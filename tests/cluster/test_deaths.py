"""Is a machine that went away told from a process that did, by what Ray says of it?"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ray.exceptions import RayError

pytestmark = pytest.mark.usefixtures("_ray_for_tests")


def errors() -> dict[str, "RayError"]:
    """As Ray 2.60 raises them; that of a machine that is stopped in order, test_machines.py has from Ray itself."""
    from ray.exceptions import ActorUnavailableError, NodeDiedError, RayActorError, WorkerCrashedError

    return {
        "machine killed, of an actor": ActorUnavailableError("RpcError: RPC error: Socket closed rpc_code: 14", None),
        "machine killed, of a task": NodeDiedError("Task failed because the node it was running on is dead"),  # type: ignore[no-untyped-call]
        "process killed, of an actor": RayActorError(error_msg="... Worker exit detail: ... connection error code 2."),
        "process killed, of a task": WorkerCrashedError(),
    }


@pytest.mark.parametrize("what", ["machine killed, of an actor", "machine killed, of a task"])
def test_a_machine_that_went_away_is_known(what: str) -> None:
    from reelmend.cluster.deaths import one_line, with_its_machine

    assert with_its_machine(errors()[what])
    assert one_line(errors()[what]) == "its machine went away, or cannot be reached"


@pytest.mark.parametrize("what", ["process killed, of an actor", "process killed, of a task"])
def test_a_process_that_was_killed_is_no_machine_that_went_away(what: str) -> None:
    from reelmend.cluster.deaths import one_line, with_its_machine

    assert not with_its_machine(errors()[what])
    assert one_line(errors()[what]).startswith("its process vanished: killed")
