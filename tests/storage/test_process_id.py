"""Does a process live? Known of this machine's; of others nothing is claimed."""

import os
import subprocess
import sys

from reelmend.pipelines.storage.leases.process_id import is_alive, is_dead, this_process


def test_a_process_is_alive_until_it_ends_and_dead_from_then_on_even_before_it_is_reaped() -> None:
    said = "from reelmend.pipelines.storage.leases.process_id import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert (is_alive(name), is_dead(name)) == (True, False)
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert (is_alive(name), is_dead(name)) == (False, True)
    assert (is_alive(name), is_dead(name)) == (False, True)


def test_a_process_that_took_over_an_id_is_another_one() -> None:
    machine, pid, start = this_process().rsplit("/", 2)
    assert is_dead(f"{machine}/{pid}/{int(start) - 1}")


def test_of_other_machines_and_of_no_name_nothing_is_known() -> None:
    for name in ("", "nonsense", "boot/pid:[1]/1/1", this_process().replace("pid:", "other:")):
        assert (is_alive(name), is_dead(name)) == (False, False)
