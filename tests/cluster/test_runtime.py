"""Does a Ray of our own come and go without a trace, and is somebody else's left alone?"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from reelmend.cluster.executor import RayExecutor
from reelmend.cluster.own_ray import temporary_folder
from reelmend.pipelines.config import PoolsConfig
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemState
from tests.cluster.toy_worker import Holder, ToyWorker, toy_context, toy_item, visits

pytestmark = pytest.mark.ray
DRIVER = "tests.cluster.driver"
MARK = "REELMEND_TEST_MARK"


class Driver:
    """A run in a process of its own, with its own home, and every process it brings about: a Ray too, or not."""

    def __init__(self, folder: Path, *names: str, grace_s: float = 60.0, on_cluster: bool = False) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir()
        private = () if on_cluster else ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
        env = {name: value for name, value in os.environ.items() if name not in private}
        self._removed_with_it = tempfile.TemporaryDirectory(prefix="rm", dir="/tmp", ignore_cleanup_errors=True)
        self.rays = Path(self._removed_with_it.name)  # a short path: sockets lie below
        env |= {"HOME": str(self.home), MARK: str(folder), "RAY_TMPDIR": str(self.rays)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", DRIVER, folder, str(grace_s), *names],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, task_id: str) -> None:
        """Wait until a worker has begun this task."""
        _until(lambda: any(task == task_id for task, _ in visits(self.folder)) or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()[0]

    def processes(self) -> list[str]:
        """Command lines of what still runs."""
        return [_read(proc / "cmdline") for proc in self._processes()]

    def listens_on(self) -> set[str]:
        """Addresses at which any of its processes takes connections, as the kernel writes them."""
        opened = {_link(handle) for proc in self._processes() for handle in (proc / "fd").glob("*")}
        sockets = [line.split() for net in ("tcp", "tcp6") for line in _read(Path("/proc/net") / net).splitlines()[1:]]
        return {at.split(":")[0] for _, at, _, state, *_, inode in _brief(sockets) if state == "0A" and inode in opened}

    def _processes(self) -> list[Path]:
        """Children inherit the mark."""
        mark = f"{MARK}={self.folder}"
        return [proc for proc in Path("/proc").glob("[0-9]*") if mark in _read(proc / "environ")]


def _brief(lines: list[list[str]]) -> list[list[str]]:
    return [[*line[:4], f"socket:[{line[9]}]"] for line in lines]


def _link(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:  # closed meanwhile
        return ""


def workers_alive(folder: Path) -> list[int]:
    """Processes that did a task there and still run."""
    return [pid for _, pid in visits(folder) if Path(f"/proc/{pid}").exists()]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 180  # a machine with many other things to do takes a minute to start Ray
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same in IPv6, and ::1."""


@pytest.mark.slow
def test_a_ray_of_our_own_listens_on_loopback_and_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "hangs_in_inpaint", "hangs_in_stitch", grace_s=0.5)
    driver.wait_for("inpaint:hangs_in_inpaint:0")
    assert LOOPBACK & driver.listens_on() == driver.listens_on() != set()
    assert list(driver.rays.iterdir()) != []
    _interrupt(driver, signal.SIGTERM)
    assert driver.processes() == []
    assert list(driver.home.iterdir()) == []
    assert list(driver.rays.iterdir()) == []


def test_the_folder_of_a_killed_driver_goes_with_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "reelmend-ray-killed" / "session").mkdir(parents=True)
    (tmp_path / "somebody_elses").mkdir()
    with temporary_folder() as one, temporary_folder() as other:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([one.name, other.name, "somebody_elses"])
    assert [path.name for path in tmp_path.iterdir()] == ["somebody_elses"]


@pytest.mark.usefixtures("on_cluster")
def test_ctrl_c_does_not_wait_for_what_is_in_work_and_leaves_no_worker(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "hangs_in_inpaint", "hangs_in_stitch", grace_s=600.0, on_cluster=True)
    _interrupt(driver, signal.SIGINT)
    _until(lambda: workers_alive(tmp_path) == [])


def _interrupt(driver: Driver, number: int) -> None:
    driver.wait_for("inpaint:hangs_in_inpaint:0")
    driver.wait_for("stitch:hangs_in_stitch")
    driver.process.send_signal(number)
    output, _ = driver.process.communicate(timeout=180)
    assert (driver.process.returncode, _said(output)) == (130, "")


@pytest.mark.slow
@pytest.mark.usefixtures("on_cluster")
def test_a_second_sigterm_stops_at_once(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "hangs_in_inpaint", grace_s=600.0, on_cluster=True)
    driver.wait_for("inpaint:hangs_in_inpaint:0")
    driver.process.send_signal(signal.SIGTERM)
    assert driver.process.stdout is not None
    next(line for line in driver.process.stdout if "stopping: tasks in progress (1 task) have 600 s to finish" in line)
    driver.process.send_signal(signal.SIGTERM)
    driver.process.communicate(timeout=180)
    assert driver.process.returncode == 130
    _until(lambda: workers_alive(tmp_path) == [])


@pytest.mark.usefixtures("on_cluster")
def test_what_is_in_work_ends_after_sigterm_and_nothing_is_begun(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "waits_in_inpaint", grace_s=600.0, on_cluster=True)
    driver.wait_for("inpaint:waits_in_inpaint:0")
    driver.process.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    output, _ = driver.process.communicate(timeout=180)
    assert (driver.process.returncode, _said(output)) == (130, "")
    assert (tmp_path / "answers").read_text().splitlines()[-1] == "inpaint:waits_in_inpaint:0"


@pytest.mark.slow
def test_a_worker_does_not_outlive_its_killed_driver(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "hangs_in_inpaint")
    driver.wait_for("inpaint:hangs_in_inpaint:0")
    driver.process.kill()
    driver.process.communicate(timeout=180)
    _until(lambda: workers_alive(tmp_path) == [])


@pytest.mark.slow
def test_a_run_on_a_terminal_with_its_own_ray_shows_nothing_of_it(tmp_path: Path) -> None:
    """Not even when a worker dies. Workers once hung here: the system stops a background process at the terminal."""
    driver = Driver(tmp_path, "a", "kills_once_in_flow")
    output, _ = driver.process.communicate(timeout=180)
    assert _said(output) == "restored restored"
    assert driver.processes() == []
    assert list(driver.home.iterdir()) == []


def test_a_cluster_that_does_not_answer_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    state = RunState([toy_item("a", tmp_path)], attempts=1, active_items=0)
    with pytest.raises(SetupError, match=r"^no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1 .*$"):
        RayExecutor(toy_context(tmp_path), ToyWorker).run(state)


def test_outputs_in_rays_copy_of_a_jobs_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is in Ray's copy of the job's folder"):
        RayExecutor(toy_context(tmp_path / "working_dir_files" / "_ray_pkg_36114dfb" / "out"))


def test_a_ray_of_the_host_application_is_used_and_left_running(cluster_address: str, tmp_path: Path) -> None:
    """Others hold most of it here, so that no worker finds a place, and the run says so."""
    ray.init(address=cluster_address, log_to_driver=False)
    try:
        holder: Any = ray.remote(num_cpus=1.5)(Holder).remote()
        ray.get(holder.hold.remote())
        state = RunState([toy_item("a", tmp_path)], attempts=1, active_items=0)
        RayExecutor(toy_context(tmp_path, pools=PoolsConfig(start_timeout_s=1.0)), ToyWorker).run(state)
        assert "each needs 0.9 CPU, and 0.5 of 2 are free" in state.halted
        assert state.rows["a"].state is ItemState.FAILED
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def _said(output: str) -> str:
    """The output, less what was told to happen, and less Ray's remark that a machine has no network."""
    expected = ("network_util.cc", "stopping: tasks in progress")
    return "\n".join(line for line in output.splitlines() if not any(part in line for part in expected)).strip()


@pytest.mark.parametrize("death", ["A worker died or was killed while ...", "Raylet is terminated.\n  [state-dump] 1"])
def test_what_ray_prints_of_deaths_does_not_spoil_stdout(death: str) -> None:
    told = {"lines": [death], "pid": "raylet", "is_err": False}
    printing = f"ray._private.worker.print_to_stdstream({told!r}, ignore_prefix=False)"
    code = f"import reelmend.cluster, ray._private.worker; {printing}; print('ours')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ours\n"
