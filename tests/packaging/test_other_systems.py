"""No module needs what only POSIX systems have to be imported: Windows users can at least read data and plan.

A stand-in: libraries are imported first, then `fcntl`, `resource` and their like are hidden, and functions of `os` and
`signal` that Windows lacks are taken away.
"""

import os
import subprocess
import sys

HIDDEN = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix_ipc")
LACKING = {
    "os": (
        "fork",
        "geteuid",
        "getuid",
        "pread",
        "pwrite",
        "sched_getaffinity",
        "sched_setaffinity",
        "sysconf",
        "killpg",
    ),
    "signal": ("SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "setitimer", "ITIMER_REAL"),
}
PROGRAM = f"""
import importlib, os, pkgutil, signal, sys
import av, boto3, cv2, numba, omegaconf, pyarrow.parquet, ray, requests, rich.live, scenedetect, torch, typer
import http.server, multiprocessing.shared_memory, subprocess, tempfile, uuid
for name in {HIDDEN!r}:
    sys.modules[name] = None
for name in {LACKING["os"]!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {LACKING["signal"]!r}:
    if hasattr(signal, name):
        delattr(signal, name)
import reelmend.pipelines.cli
failed = []
for module in pkgutil.walk_packages(reelmend.__path__, "reelmend."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except Exception as exc:
        failed.append(f"{{module.name}}: {{type(exc).__name__}}: {{exc}}")
sys.exit("\\n".join(failed) or 0)
"""


def test_every_module_is_imported_without_what_only_posix_has() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
