"""Cores of a worker: one thread per CPU it holds, on the cores beside its GPU if it has one.

Ray's CPUs are logical, and keep nobody from using all cores. On a machine with several sockets, memory that lies at the
other one is read through the link between them, by the threads that feed the GPU and by every copy to it.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import cv2

log = logging.getLogger(__name__)

# What a process has on a GPU beside torch's own memory: CUDA's context and the libraries' kernels and workspaces.
_CONTEXT_BYTES = 800 * 2**20

# Part of a GPU's memory that is promised to workers: what they keep falls into pieces, and videos differ in size.
_USABLE = 0.9


def use_threads(count: int) -> None:
    """Let OpenCV and torch compute with so many threads, also if torch is imported only later."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(count)
    cv2.setNumThreads(count)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)


def stay_near_gpu() -> None:
    """Keep this process, and threads that it starts from now on, on the cores nearest to its first GPU, where known.

    Before anything else starts threads: those stay where they are.
    """
    import torch  # takes seconds, and workers without a GPU do not need it

    if not torch.cuda.is_available():
        return
    card: Any = torch.cuda.get_device_properties(0)
    near = cores_near(f"{card.pci_domain_id:04x}:{card.pci_bus_id:02x}:{card.pci_device_id:02x}.0")
    allowed = os.sched_getaffinity(0)
    if near & allowed and not allowed <= near:
        os.sched_setaffinity(0, near & allowed)
        log.info("on the %d cores beside GPU %s", len(near & allowed), os.environ.get("CUDA_VISIBLE_DEVICES", "0"))


def fit_on_gpu() -> int:
    """Return how many workers like this one its GPU's memory holds, by what it needed so far; 0: unknown."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    needed = torch.cuda.max_memory_reserved() + _CONTEXT_BYTES
    return max(1, int(_USABLE * torch.cuda.get_device_properties(0).total_memory / needed))


def cores_near(pci_address: str, devices: Path = Path("/sys/bus/pci/devices")) -> set[int]:
    """Return the cores on the device's side of the machine, as Linux lists them; none where it does not say."""
    try:
        listed = (devices / pci_address / "local_cpulist").read_text().strip()
        ranges = [part.split("-") for part in listed.split(",") if part]
        return {core for ends in ranges for core in range(int(ends[0]), int(ends[-1]) + 1)}
    except (OSError, ValueError):
        return set()
