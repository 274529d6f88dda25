"""The engine of another revision, in a folder and a process of its own, on the same cases."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reelmend.core_model.engine import U8, Bool

BASELINE = "298f0d2"
"""The last revision whose engine works on whole frames and paints what no frame shows smoothly."""

_ROOT = Path(__file__).parents[2]
_WORKER = Path(__file__).with_name("against_worker.py")


class Timed(NamedTuple):
    """A restored clip and what it took."""

    frames: U8
    seconds: float
    cpu_seconds: float


class OtherRevision:
    """The engine of another revision, loaded and waiting."""

    def __init__(self, process: "subprocess.Popen[str]", scratch: Path) -> None:
        self._process = process
        self._scratch = scratch

    def restore(self, hidden_THWC: U8, masks_THW: Bool) -> Timed:
        """Fill the holes of a clip; the time is the engine's and that of its flow, not that of bringing the clip."""
        given, done = self._scratch / "in.npz", self._scratch / "out.npy"
        np.savez(given, frames=hidden_THWC, masks=masks_THW)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(given, done, sep="\t", file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the other revision's engine has ended; its error is above")
        took = json.loads(answer)
        return Timed(np.asarray(np.load(done), np.uint8), took["seconds"], took["cpu_seconds"])


@contextmanager
def engine_of(revision: str) -> Iterator[OtherRevision]:
    """Unpack the revision into a temporary folder and start its engine; both are gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _unpack(revision, tree)
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        with subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), str(tree)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=tree,
        ) as process:  # fmt: skip
            try:
                yield OtherRevision(process, Path(folder))
            finally:
                process.stdin.close()  # type: ignore[union-attr]


def known_revision(revision: str) -> bool:
    """True when the repository has it; an unpacked release has none."""
    words = ["git", "-C", str(_ROOT), "cat-file", "-e", f"{revision}^{{commit}}"]
    try:
        return subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _unpack(revision: str, tree: Path) -> None:
    """Without `git worktree`: a benchmark that is killed must leave nothing in the repository."""
    words = ["git", "-C", str(_ROOT), "archive", revision, "core_model"]
    packed = subprocess.run(words, capture_output=True, check=False)
    if packed.returncode:
        raise SystemExit(f"git archive {revision}: {packed.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(tree, filter="data")
