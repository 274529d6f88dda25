"""A process with a Ray that exports metrics, which runs two items and prints what Ray's exporter then shows of them."""

import os
import re
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

os.environ["RAY_AUTH_MODE"] = "disabled"  # read when Ray is imported

import toy_worker

from cluster.executor import RayExecutor
from pipelines.run_state import RunState

import ray  # isort: skip

_PATIENCE_S = 60.0
_OURS = ("stage", "outcome", "device")


def main(folder: Path) -> None:
    ray.cloudpickle.register_pickle_by_value(toy_worker)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        _metrics_export_port=port,
        _system_config={"metrics_report_interval_ms": 1000},
    )
    items = [toy_worker.toy_item(name, folder) for name in ("a", "b")]
    state = RunState(items, attempts=3, active_items=0, on_change=lambda *_: None)
    RayExecutor(toy_worker.toy_context(folder), toy_worker.ToyWorker).run(state)
    print("\n".join(_shown(port)))


def _shown(port: int) -> list[str]:
    """Return the samples, with our labels only, once the last of them are there: Ray's agent is told once a second."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        except urllib.error.URLError:
            text = ""
        lines = [_plain(line) for line in text.splitlines() if line.startswith("ray_reelmend_")]
        if "ray_reelmend_items_open 0.0" in lines:
            return lines
        time.sleep(0.5)
    raise TimeoutError(f"Ray's exporter showed no end of the run in {_PATIENCE_S} s")


def _plain(line: str) -> str:
    name, labels, value = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line).groups()
    ours = [f'{key}="{said}"' for key, said in re.findall(r'(\w+)="([^"]*)"', labels) if key in _OURS]
    return f"{name}{{{','.join(sorted(ours))}}} {value}" if ours else f"{name} {value}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
