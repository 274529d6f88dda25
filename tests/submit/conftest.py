"""A Ray head as an operator would have started it: with its Jobs API on loopback, behind a token."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

TOKEN = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 120


class Head(NamedTuple):
    url: str
    """Of the Jobs API."""
    env: dict[str, str]
    """What whoever talks to it has in its environment."""

    def reelmend(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli", *words]
        return subprocess.run(command, env=self.env | more, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def head() -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie in it
    port, url_port, agent_port = _free_ports(3)
    scripts = str(Path(sys.executable).parent)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path.cwd()),
        "HOME": str(folder),
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
    }
    command = f"{scripts}/ray start --head --block --port={port} --num-cpus=2 --include-dashboard=true"
    command += f" --dashboard-port={url_port} --dashboard-agent-listen-port={agent_port} --disable-usage-stats"
    url = f"http://127.0.0.1:{url_port}"
    with subprocess.Popen(command.split(), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(url, process)
            yield Head(url, env)
        finally:
            process.send_signal(signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait_for(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert process.poll() is None, "Ray's head ended"
        try:
            if requests.get(f"{url}/api/jobs/", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"nothing answers at {url}")
