"""Checks of this machine, and the settings that a run would use."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from reelmend.core_model.device.choice import why_not
from reelmend.pipelines.choices import Codec
from reelmend.pipelines.engines.flow_registry import flow_methods
from reelmend.pipelines.engines.registry import DEFAULT, broken_plugins, engine_specs, origin_of
from reelmend.pipelines.engines.weights.find import State, changed_message, look
from reelmend.pipelines.engines.weights.folder import weights_folder
from reelmend.pipelines.engines.weights.registry import registry
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.media.capabilities import encoder_available
from reelmend.pipelines.media.masks.sources.registry import source_names, source_of
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.units import readable_bytes

RAY_TRIAL_S = 90
"""A Ray that has not started by then will not."""
LITTLE_DISK_BYTES = 2 * 10**9
LITTLE_MEMORY_BYTES = 8 * 10**9
"""Below this the default preset's workers may not fit side by side."""

_PACKAGES = ("torch", "ray", "av", "opencv-python-headless", "omegaconf", "pyarrow")


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  # works, but a person should know
    WRONG = "wrong"  # a run cannot work


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    topic: str
    what: str
    level: Level = Level.OK
    advice: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", redact(self.what))


def examine() -> list[Finding]:
    """Look at everything a run needs. Starts Ray, or connects to it, in its own process (some seconds)."""
    ray_offer, ray_finding = _try_ray()
    return [
        _versions(),
        *_processors(),
        *_memory(),
        *_encoders(),
        *_disks(),
        *engines_here(),
        weights_here(),
        *masks_here(),
        ray_finding,
        *_choice(ray_offer),
    ]


def works(findings: list[Finding]) -> bool:
    """Whether a run can work on this machine."""
    return all(finding.level is not Level.WRONG for finding in findings)


def _versions() -> Finding:
    found = {name: _version(name) for name in _PACKAGES}
    missing = [name for name, number in found.items() if number is None]
    what = ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {number or 'missing'}" for name, number in found.items())]
    )
    if not missing:
        return Finding("versions", what)
    only_ray = missing == ["ray"]
    advice = f"pip install {' '.join(missing)}" + ("; until then run.executor=inline works" if only_ray else "")
    return Finding("versions", what, Level.NOTE if only_ray else Level.WRONG, advice)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processors() -> Iterator[Finding]:
    # bf16 arithmetic in the CPU halves a network's time; without it bf16 is emulated and slower than float32.
    bf16 = "with bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "without bf16"
    yield Finding("CPU", f"{_cores()} cores for this process, {bf16}")
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        yield Finding("GPU", f"{index}: {gpu.name}, {readable_bytes(gpu.total_memory)}")
    if not torch.cuda.is_available():
        yield without_cuda(installed_gpus(), why_not("cuda"))


def installed_gpus(drivers: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """Return the names of the NVIDIA GPUs that this machine's driver knows, whether torch can use them or not."""
    try:
        texts = [(card / "information").read_text() for card in sorted(drivers.iterdir())]
    except OSError:
        return []
    lines = [line.partition(":") for text in texts for line in text.splitlines()]
    return [value.strip() for key, _, value in lines if key.strip() == "Model"]


def without_cuda(cards: list[str], reason: str) -> Finding:
    """What to say where torch can use no GPU, for its own `reason`, and the driver knows these."""
    if not cards:
        return Finding("GPU", "no CUDA device found")
    return Finding("GPU", f"{', '.join(cards)}: torch cannot use it: {reason}", Level.NOTE, "reelmend doctor --gpu")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Iterator[Finding]:
    total = _memory_bytes()
    if total >= LITTLE_MEMORY_BYTES:
        yield Finding("memory", readable_bytes(total))
    else:
        yield Finding("memory", readable_bytes(total), Level.NOTE, "use --preset memory_efficient or fewer run.workers")


def _memory_bytes() -> int:
    """Return the machine's memory, or the container's where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return min(total, int(text)) if text.isdigit() else total


def _encoders() -> Iterator[Finding]:
    there = [codec for codec in Codec if encoder_available(codec)]
    missing = [codec for codec in Codec if codec not in there]
    if not missing:
        yield Finding("encoders", ", ".join(there))
        return
    level = Level.NOTE if there else Level.WRONG
    yield Finding("encoders", f"{', '.join(there) or 'none'}; missing {', '.join(missing)}", level, "pip install av")


def _disks() -> Iterator[Finding]:
    for name, folder in (("here", Path.cwd()), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        what = f"{readable_bytes(free)} free for {name} ({folder})"
        if not os.access(folder, os.W_OK):
            yield Finding("disk", what + ", not writable", Level.NOTE, "use a writable --out folder")
        elif free < LITTLE_DISK_BYTES:
            yield Finding("disk", what, Level.NOTE, "free some space, or use an --out folder on another disk")
        else:
            yield Finding("disk", what)


def weights_here() -> Finding:
    """Which of the networks' weights are here, and so which engines can run."""
    specs = engine_specs().values()
    wanted = {network for spec in specs for network in (*spec.weights, *spec.flow_weights)}
    entries = [
        entry for entry in registry().values() if entry.network in wanted
    ]  # a mask source says itself what it lacks
    networks = {entry.network for entry in entries}
    needing = [spec.name for spec in specs if networks & {*spec.weights}]
    free = [spec.name for spec in specs if not spec.weights]
    without = f"not needed by the {_engines(free)}"
    try:
        folder = weights_folder()
        seen = [look(entry, folder) for entry in entries]
    except SetupError as exc:
        return Finding("weights", f"{exc}; {without}", Level.NOTE)
    by_state = {state: [one.entry.name for one in seen if one.state is state] for state in State}
    found = "; ".join(f"{', '.join(names)} {state}" for state, names in by_state.items() if names)
    if len(by_state[State.PRESENT]) == len(seen):
        return Finding("weights", f"{found}; {_engines(needing)} can run")
    what = f"{found}, in {folder}; {_engines(needing)} cannot run, {without}"
    absent = {one.entry.network for one in seen if one.state is not State.PRESENT}
    if absent <= {network for spec in specs for network in spec.flow_weights}:
        what = f"{found}, in {folder}; {_engines(needing)} can run with flow.method=dis or farneback only"
    changed = [changed_message(one) for one in seen if one.state is State.CHANGED]
    fetch = f"reelmend weights pull {' '.join(by_state[State.MISSING])} --accept-license"
    return Finding("weights", what, Level.NOTE, "\n".join(changed or [fetch]))


def _engines(names: list[str]) -> str:
    return ("engine " if len(names) == 1 else "engines ") + ", ".join(names)


def engines_here() -> Iterator[Finding]:
    """The engines that a job can name, and plug-ins that cannot be used."""
    for spec in engine_specs().values():
        own = [] if spec.section is None else [f"{spec.name}.{setting.name}" for setting in fields(spec.section)]
        settings = f"; settings: {', '.join(own)}" if own else ""
        yield Finding("engine", f"{spec.name} ({origin_of(spec.name)}): {spec.summary or 'no description'}{settings}")
    for method in flow_methods().values():
        yield Finding("flow method", f"{method.name}: {method.summary}")
    for broken in broken_plugins():
        yield Finding("engine", str(broken), Level.NOTE, broken.advice)


def masks_here() -> Iterator[Finding]:
    """The mask sources that an expression can name, and those that cannot be used on this machine."""
    for name in source_names():
        try:
            source = source_of(name)
            problem = source.problem()
        except SetupError as exc:
            yield Finding("mask source", str(exc), Level.NOTE)
            continue
        what = f"{name}: {source.summary}"
        yield (
            Finding("mask source", f"{what}; cannot be used", Level.NOTE, problem)
            if problem
            else Finding("mask source", what)
        )


def _try_ray() -> tuple[dict[str, Any] | None, Finding]:
    """Return what Ray offers, None where it does not work, and a line about it."""
    address = os.environ.get("RAY_ADDRESS")
    where = f"connects to RAY_ADDRESS={address}" if address else "starts on this machine"
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-m", "reelmend.cluster.check"],
            capture_output=True,
            text=True,
            timeout=RAY_TRIAL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, _no_ray(f"did not answer in {RAY_TRIAL_S} s")
    if trial.returncode != 0:
        lines = trial.stderr.strip().splitlines()
        return None, _no_ray(lines[-1] if lines else f"ended with status {trial.returncode}")
    offer: dict[str, Any] = json.loads(trial.stdout.strip().splitlines()[-1])
    machines = "1 machine" if offer["nodes"] == 1 else f"{offer['nodes']} machines"
    return offer, Finding("Ray", f"{where}: {machines}, {offer['cpus']:g} CPUs, {offer['gpus']} GPUs")


def _no_ray(reason: str) -> Finding:
    return Finding("Ray", reason, Level.NOTE, "run.executor=inline needs no Ray")


def _choice(ray_offer: dict[str, Any] | None) -> Iterator[Finding]:
    executor = f"run.executor=ray with {ray_offer['workers']} workers" if ray_offer else "run.executor=inline"
    preset = ""
    if _memory_bytes() < LITTLE_MEMORY_BYTES:
        preset = "; --preset memory_efficient fits this machine"
    elif not torch.cuda.is_available():
        preset = "; --preset cpu fits this machine"
    yield Finding("a run", f"engine {DEFAULT.name}, {executor}{preset}")
    if ray_offer and ray_offer["gpu_pools"]:
        yield _on_gpus(ray_offer["gpu_pools"])


def _on_gpus(pools: list[tuple[str, int, float]]) -> Finding:
    each = (f"{size} x {name} on {'half a' if gpus < 1 else 'one'} GPU" for name, size, gpus in pools)
    what = f"workers of an engine that uses GPUs: {', '.join(each)}"
    if torch.cuda.is_available():
        return Finding("a run on GPUs", what)
    return Finding("a run on GPUs", what, Level.NOTE, "the installed torch cannot use them: workers need a CUDA build")
