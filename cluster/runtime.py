"""The Ray that a run uses, and who stops it: a running cluster when RAY_ADDRESS names one, else one of its own."""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Literal

import ray

from reelmend.cluster.own_ray import on_loopback, temporary_folder
from reelmend.cluster.resources import Node
from reelmend.pipelines.errors import SetupError, first_line

_ADDRESS = "RAY_ADDRESS"

# The driver and the workers exchange receipts of a few hundred bytes; Ray's default is a third of the memory.
_OBJECT_STORE_BYTES = 100 * 2**20

_ANSWER_TIMEOUT_S = 10.0  # for a connection to the head of a cluster; one that is there takes far less

# Where Ray unpacks what is sent with a job (`ray job submit --working-dir`), below its session's folder.
_JOB_FOLDERS = "working_dir_files"


@contextmanager
def ray_runtime() -> Iterator[None]:
    """Connect to Ray or start it, and leave it as it was found.

    While it is open SIGTERM raises KeyboardInterrupt, like Ctrl-C, so that both end in the same clean-up.
    Raises SetupError when Ray cannot be reached or started.
    """
    if ray.is_initialized():  # the host application's; it stops it too
        with _sigterm_interrupts():
            yield
        return
    address = os.environ.get(_ADDRESS, "")
    ours = address in ("", "local")
    with _private_token(), ExitStack() as held:
        if ours:
            folder = held.enter_context(temporary_folder())
            held.enter_context(on_loopback())
        try:
            if ours:
                _start(folder)
            else:
                _connect(address)
            with _sigterm_interrupts():
                yield
        finally:
            with _signals_ignored():
                ray.shutdown()


def in_job_folder(place: Path) -> bool:
    """Whether a place is in a machine's own copy of what was sent with a job: no other sees it, Ray may remove it."""
    return _JOB_FOLDERS in place.parts


def nodes() -> list[Node]:
    """What the machines of the cluster offer; Ray's head may offer nothing."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return [
        Node(cpus=has.get("CPU", 0.0), memory=has.get("memory", 0.0), gpus=int(has.get("GPU", 0))) for has in resources
    ]


def free_and_total(resource: Literal["CPU", "GPU"]) -> tuple[float, float]:
    """What nobody holds of a logical resource of the cluster, and all of it."""
    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return free.get(resource, 0.0), total.get(resource, 0.0)


def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit() and "/" not in host:  # ray.init would try for ten minutes
            socket.create_connection((host, int(port)), timeout=_ANSWER_TIMEOUT_S).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError) as exc:
        raise SetupError(
            f"no Ray cluster answers at {_ADDRESS}={address} ({first_line(exc)}): unset it to run on this machine"
        ) from exc


def _start(folder: Path) -> None:
    try:
        with _stdin_from_nowhere():
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(folder),
            )
    except (OSError, RuntimeError, ValueError, TimeoutError) as exc:
        # Sockets lie below the temporary folder, and their paths must stay under 108 bytes.
        hint = "; set RAY_TMPDIR to a folder with a short path" if "AF_UNIX" in str(exc) else ""
        raise SetupError(
            f"Ray cannot start on this machine ({first_line(exc)}){hint}; run.executor=inline needs no Ray"
        ) from exc


@contextmanager
def _stdin_from_nowhere() -> Iterator[None]:
    """Keep the terminal from processes that are started meanwhile.

    Ray's workers inherit stdin, but not the terminal's foreground: one that touches it is stopped by the system, for
    good, and the run would hang on every terminal while it goes through in every pipe.
    """
    try:
        terminal = os.dup(0)
    except OSError:  # closed, as a service manager may leave it: nothing to keep
        yield
        return
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    try:
        yield
    finally:
        os.dup2(terminal, 0)
        os.close(terminal)
        os.close(nowhere)


@contextmanager
def _private_token() -> Iterator[None]:
    """Close a Ray of our own to others, without a file in the user's home.

    Anyone who can reach it can run code, and every user of this machine reaches its loopback. Since 2.60 a local Ray
    therefore sets RAY_AUTH_MODE=token by itself, and writes a token to ~/.ray when it finds none: so it finds one.
    Setting the mode here would come too late, Ray reads it when it is imported. A mode, a token, or a cluster that the
    user chose is left alone.
    """
    chosen = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", _ADDRESS)
    if any(name in os.environ for name in chosen):
        yield
        return
    os.environ["RAY_AUTH_TOKEN"] = _token()
    try:
        yield
    finally:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            os.environ.pop(name, None)


@cache  # Ray remembers the first token of a process
def _token() -> str:
    return secrets.token_hex(32)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's business
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not cut the clean-up short: it takes two seconds, and what is left over stays for ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
