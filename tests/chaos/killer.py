"""Who is killed when? Drawn from a seed: workers, tasks, nodes with all that runs on them, and the driver itself."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Event, Thread

from ray.cluster_utils import Cluster

from tests.chaos import processes


class Kill(StrEnum):
    WORKER = "flow and inpaint worker killed"
    TASK = "probe or stitch killed"
    NODE = "node killed"
    DRIVER = "driver killed (SIGKILL)"
    STOP = "driver told to stop (SIGTERM)"
    SOURCE = "source written over, and put back"  # by the meddler
    EVENTS = "segment of events damaged"


_WEIGHTS = {Kill.WORKER: 6, Kill.TASK: 4, Kill.NODE: 2, Kill.DRIVER: 2, Kill.STOP: 2}
_TRIES = 40


@dataclass(frozen=True)
class Killed:
    at: float
    """Seconds since the epoch."""
    kind: Kill
    what: str


class Killer:
    """Kills while a driver gets on with its work. Time is counted in requests: a slow machine is no deadlier."""

    def __init__(self, seed: int, mark: str, requests: Callable[[], int], mean_requests: float) -> None:
        """`requests`: how many there were so far; `mean_requests`: between two kills, on average."""
        self._random, self._mark = Random(seed), mark
        self._requests, self._mean = requests, mean_requests
        self.left = 0
        """Kills to come."""
        self.done: list[Killed] = []

    def hunt(self, driver: subprocess.Popen[str], cluster: Cluster | None) -> Thread:
        """Begin; the thread ends with the driver."""
        thread = Thread(target=self._hunt, args=(driver, cluster), name="killer")
        thread.start()
        return thread

    def _hunt(self, driver: subprocess.Popen[str], cluster: Cluster | None) -> None:
        pause = Event()
        due = self._due()
        while self.left > 0 and driver.poll() is None:
            pause.wait(0.1)
            if self._requests() < due or not processes.working(self._mark):
                continue
            kind = self._draw(cluster)
            if driver.poll() is None and (what := self._kill(kind, driver, cluster)):
                self.done.append(Killed(time.time(), kind, what))
                self.left -= 1
            if kind in (Kill.DRIVER, Kill.STOP):
                return
            due = self._due()

    def _due(self) -> float:
        return self._requests() + self._random.expovariate(1 / self._mean)

    def _draw(self, cluster: Cluster | None) -> Kill:
        if cluster is None and self.left == 1:
            return Kill.STOP  # or the run would end in peace on this machine, and never move to the nodes
        fits = {kind: weight for kind, weight in _WEIGHTS.items() if cluster is not None or kind is not Kill.NODE}
        return self._random.choices([*fits], [*fits.values()])[0]

    def _kill(self, kind: Kill, driver: subprocess.Popen[str], cluster: Cluster | None) -> str:
        """Return what was killed, empty when there was nothing of the kind."""
        match kind:
            case Kill.WORKER:
                return self._kill_one(processes.WORKERS)
            case Kill.TASK:
                return self._kill_one(processes.TASKS)
            case Kill.NODE:
                assert cluster is not None
                return self._replace_node(cluster)
            case Kill.DRIVER:
                driver.send_signal(signal.SIGKILL)
            case Kill.STOP:
                driver.send_signal(signal.SIGTERM)
        return f"process {driver.pid}"

    def _kill_one(self, title: str) -> str:
        """Wait a little for one that is at work: idle ones are not what dies in practice."""
        pause = Event()
        for _ in range(_TRIES):
            found = sorted(pid for pid, line in processes.working(self._mark) if line.startswith(title))
            if found and processes.kill(pid := self._random.choice(found)):
                return f"process {pid}"
            pause.wait(0.05)
        return ""

    def _replace_node(self, cluster: Cluster) -> str:
        """A node that is taken away and one that comes, as with spot machines."""
        node = self._random.choice(sorted(cluster.worker_nodes, key=lambda node: str(node.node_id)))
        cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(num_cpus=1, wait=False)
        return f"node {node.node_id}"
