"""Speed over time and machines, as the live page shows them."""

from typing import Any

from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.machines import Gpu, Machine
from reelmend.pipelines.observe.speed_history import Point, rates
from reelmend.pipelines.utils.units import counted, readable_bytes, readable_seconds

WIDTH, HEIGHT = 600, 120  # of the chart, in its own units: the page stretches it
_TOP = 6  # so that the line at its highest is not cut off


def machine_parts(now: Now | None) -> dict[str, Any]:
    """Return what the template of speed and machines needs; nothing of a run that does not report it."""
    return {
        "speed": _speed(now.speed) if now else None,
        "machines": [_machine(machine) for machine in now.machines] if now else [],
    }


def gpu_in_words(gpu: Gpu) -> str:
    """Return how busy a GPU is, as far as that is known."""
    return "load unknown" if gpu.load is None else f"{gpu.load:.0%} busy"


def memory_in_words(megabytes: float) -> str:
    return readable_bytes(megabytes * 2**20)


def _speed(points: list[Point]) -> dict[str, Any] | None:
    found = rates(points)
    if len(found) < 2:
        return None
    most, lasts = max(rate for _, rate in found), found[-1][0]
    line = [(WIDTH * second / lasts, HEIGHT - (HEIGHT - _TOP) * rate / (most or 1.0)) for second, rate in found]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "line": " ".join(f"{x:.1f},{y:.1f}" for x, y in [(0.0, line[0][1]), *line]),
        "now": f"{found[-1][1]:.1f}",
        "most": f"{most:.1f}",
        "lasts": readable_seconds(lasts),
    }


def _machine(machine: Machine) -> dict[str, Any]:
    gpus = [
        {"name": gpu.name, "load": gpu_in_words(gpu), "memory": f"{memory_in_words(gpu.used_mb)} in use"}
        for gpu in machine.gpus
    ]
    memory = f"{memory_in_words(machine.rss_mb)} of memory" if machine.rss_mb else ""
    return {"name": machine.name, "workers": counted(machine.workers, "worker"), "memory": memory, "gpus": gpus}
