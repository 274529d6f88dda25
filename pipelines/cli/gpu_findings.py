"""Findings of `reelmend doctor --gpu`: this machine's GPU, and one of every machine of a Ray cluster."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from reelmend.pipelines.cli.doctor_checks import Finding, Level, installed_gpus

_TRIAL_S = 180
"""CUDA starts, and cuDNN chooses its kernels, in seconds; on a file system across a network they are read for minutes."""
_CLUSTER_TRIAL_S = 420


def examine_gpus() -> list[Finding]:
    """Check this machine's GPU and, with RAY_ADDRESS, one GPU of each machine of that cluster. Takes up to minutes."""
    found = [*_of_this_machine()]
    if os.environ.get("RAY_ADDRESS", "") not in ("", "local"):
        # The machine that asks may have no GPU itself: then those of the cluster are what a run uses.
        cluster = [*_of_the_cluster()]
        if any(finding.level is Level.OK for finding in cluster):
            found = [_only_noted(finding) for finding in found]
        found += cluster
    return found


def of_checks(checks: list[dict[str, Any]], where: str = "") -> Iterator[Finding]:
    """Turn what `gpu_check` printed into findings; `where` names the machine."""
    for one in checks:
        level = Level.OK if one["good"] else Level.WRONG if one["needed"] else Level.NOTE
        yield Finding(f"{where}: {one['part']}" if where else one["part"], one["found"], level, one["remedy"])


def _of_this_machine() -> Iterator[Finding]:
    cards = installed_gpus()
    yield Finding(
        "this machine", ", ".join(cards) or "no NVIDIA GPU that a driver knows", *([] if cards else [Level.NOTE])
    )
    checks = _ask("reelmend.core_model.device.gpu_check", (), _TRIAL_S)
    yield from [checks] if isinstance(checks, Finding) else of_checks(checks)


def _of_the_cluster() -> Iterator[Finding]:
    machines = _ask("reelmend.cluster.check", ("--gpu",), _CLUSTER_TRIAL_S)
    if isinstance(machines, Finding):
        yield machines
        return
    if not machines:
        yield Finding("Ray", "no machine of the cluster has a GPU", Level.WRONG, "start Ray there with --num-gpus")
    for machine in machines:
        if machine["problem"]:
            advice = "end what holds it, or look at that machine's Ray"
            yield Finding(machine["address"], machine["problem"], Level.WRONG, advice)
        yield from of_checks(machine["checks"], machine["address"])


def _ask(module: str, options: tuple[str, ...], limit_s: float) -> Any:
    """Return what a module prints as JSON, in its own process, or a finding that says what became of it."""
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-m", module, *options], capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("GPU", f"{module} did not answer in {limit_s} s", Level.WRONG, "look for Xid errors in dmesg")
    if trial.returncode:
        lines = trial.stderr.strip().splitlines()
        said = lines[-1] if lines else f"{module} ended with status {trial.returncode}"
        return Finding("GPU", said, Level.WRONG, "look for Xid errors in dmesg, and update the driver")
    return json.loads(trial.stdout.strip().splitlines()[-1])


def _only_noted(finding: Finding) -> Finding:
    if finding.level is not Level.WRONG:
        return finding
    return Finding(finding.topic, finding.what, Level.NOTE, finding.advice)
