"""Two runs of one job that begin at once, before a store that ignores conditions on PUT: one of them stops."""

import os
import subprocess
import sys
from pathlib import Path

_STOPPED = ("another run writes to", "was taken while this run was silent")


def run_twins(job: Path, store: str) -> list[str]:
    """Return complaints."""
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(job), "--json", "run.executor=inline"]
    environment = {**os.environ, "AWS_ENDPOINT_URL": store, "OMP_NUM_THREADS": "1"}
    twins = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [twin.communicate()[1] for twin in twins]
    statuses = [twin.returncode for twin in twins]
    if 2 not in statuses:
        return [f"two runs at once where the store ignores conditions ended with {statuses}"]
    told = said[statuses.index(2)]
    complaints = (
        [] if any(words in told for words in _STOPPED) else [f"one of two runs at once ended with 2: {told[-300:]}"]
    )
    if statuses == [2, 2]:
        complaints.append("of two runs at once neither went on")
    return complaints
