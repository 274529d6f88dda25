"""A cluster as an operator would have started it: a head behind a token, two machines, a bucket that all reach."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.servers import CREDENTIALS
from tests.shared_clusters import RUNNING
from tests.submit.machines import PATIENCE_S, SCRIPTS, Head, Machine, machine

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def head(s3_endpoint: str) -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie in it
    port, url_port, exporter_port, *agent_ports = _free_ports(6)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "RAY_worker_niceness": "0",
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path.cwd() / "src"),
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_num_workers_soft_limit": "4",  # a machine of one CPU keeps the process of its probes and stitches
        # A machine that is gone is missed after 2 s, not 15; figures are exported every second, not every tenth.
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "4",
        "RAY_metrics_report_interval_ms": "1000",
        "AWS_ENDPOINT_URL": s3_endpoint,
        **CREDENTIALS,
    }
    begin = f"--head --port={port} --num-cpus=0 --include-dashboard=true --dashboard-port={url_port}"
    begin += f" --dashboard-agent-listen-port={agent_ports[0]} --metrics-export-port={exporter_port}"
    join = f"--address=127.0.0.1:{port} --num-cpus=1 --dashboard-agent-listen-port="
    url = f"http://127.0.0.1:{url_port}"
    with RUNNING["head"] as running:
        running.callback(shutil.rmtree, folder, ignore_errors=True)
        first = running.enter_context(machine(begin, folder / "0", env))
        _wait_for(f"{url}/api/jobs/", bool, first)
        others = [
            running.enter_context(machine(f"{join}{agent_port}", folder / str(number), env))
            for number, agent_port in enumerate(agent_ports[1:], 1)
        ]
        _wait_for(f"{url}/api/v0/nodes", lambda answer: answer.count('"ALIVE"') == 3, *others)
        _wait_for_agent(url)
        yield Head(url, env, f"http://127.0.0.1:{exporter_port}/metrics", others)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait_for_agent(url: str) -> None:
    """Submit a job that does nothing until one is taken: agents, which start jobs, come up after their machines."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = requests.post(f"{url}/api/jobs/", json={"entrypoint": "true"}, headers=headers, timeout=60)
        if answer.ok:
            return
        time.sleep(0.5)
    raise AssertionError(f"no agent of the cluster took a job within {PATIENCE_S} s: {answer.text}")


def _wait_for(url: str, told: Callable[[str], bool], *processes: Machine) -> None:
    """Ask until the cluster answers with what shows that it is ready."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert all(process.poll() is None for process in processes), "a machine of the cluster ended"
        try:
            answer = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5)
            if answer.ok and told(answer.text):
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} did not answer as it should within {PATIENCE_S} s")
