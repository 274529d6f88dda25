"""Faults planted in a copy of the tree, and what the tests say of them."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutants import in_cluster, in_core_model, in_media, in_names, in_pipelines, in_safekeeping
from tests.mutants.fault import Fault

ALL_FAULTS: tuple[Fault, ...] = (
    *in_core_model.FAULTS,
    *in_pipelines.FAULTS,
    *in_media.FAULTS,
    *in_names.FAULTS,
    *in_safekeeping.FAULTS,
    *in_cluster.FAULTS,
)
ROOT = Path(__file__).resolve().parents[2]
_CACHE = ROOT / ".pytest_cache/mutants"
"""What tests have fetched stays there."""
_NEEDED = ("src", "core_model", "pipelines", "cluster", "conf", "tests", "pyproject.toml")
_LIMIT_S = 180.0
"""After which tests count as hanging: that is noticed, too."""
_SOME_TIME = 1_000_000_000
"""Seconds since the epoch; faulty files are dated from here on, so that nothing compiled is taken for theirs."""


class Outcome(StrEnum):
    """What the tests said of a fault."""

    CAUGHT = "caught"
    MISSED = "MISSED"
    BROKEN = "TESTS CANNOT RUN"


@dataclass(frozen=True)
class Verdict:
    """Of one fault."""

    fault: Fault
    outcome: Outcome
    seconds: float
    said: str
    """The tests' last words."""


def sample(seed: int, count: int, only: str = "") -> list[Fault]:
    """Return so many faults, from every package as large a share, the same for the same seed."""
    faults = [fault for fault in ALL_FAULTS if only in fault.file or only in fault.what]
    random.Random(seed).shuffle(faults)
    turns: dict[str, int] = {}
    ranked = []
    for fault in faults:
        turns[fault.package] = turns.get(fault.package, 0) + 1
        of_package = sum(other.package == fault.package for other in faults)
        ranked.append((turns[fault.package] / of_package, fault))
    ranked.sort(key=lambda entry: entry[0])
    return [fault for _, fault in ranked][: count or None]


def complaint_about(fault: Fault, root: Path) -> str:
    """Return why a fault cannot be planted any more; empty where it can."""
    where = f"{fault.file}: {fault.what}"
    if not (root / fault.file).is_file():
        return f"{where}: there is no such file"
    source = (root / fault.file).read_text()
    if source.count(fault.old) != 1:
        return f"{where}: the file holds this {source.count(fault.old)} times, not once: {fault.old}"
    if "\n" in fault.old or fault.old == fault.new:
        return f"{where}: is no edit of one line"
    if missing := [test for test in fault.tests.split() if not (root / "tests" / test.partition("::")[0]).exists()]:
        return f"{where}: there are no tests {', '.join(missing)}"
    try:
        compile(source.replace(fault.old, fault.new), fault.file, "exec")
    except SyntaxError as exc:
        return f"{where}: leaves no Python ({exc})"
    return ""


def copy_of_tree(target: Path) -> Path:
    """Copy what the tests need, without what was compiled."""
    target.mkdir()
    for name in _NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, target / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.nb[ic]")
            )
        else:
            shutil.copy2(ROOT / name, target / name)
    return target


def try_fault(fault: Fault, tree: Path, number: int) -> Verdict:
    """Plant it, run its tests, and take it away again."""
    path = tree / fault.file
    source, began = path.read_text(), time.monotonic()
    try:
        path.write_text(source.replace(fault.old, fault.new))
        os.utime(path, (_SOME_TIME + 2 * number,) * 2)
        code, said = run_tests(tree, fault.tests.split(), _LIMIT_S)
    finally:
        path.write_text(source)
        os.utime(path, (_SOME_TIME + 2 * number + 1,) * 2)
    outcome = {0: Outcome.MISSED, 1: Outcome.CAUGHT, None: Outcome.CAUGHT}.get(code, Outcome.BROKEN)
    return Verdict(fault, outcome, time.monotonic() - began, said)


def run_tests(tree: Path, tests: Iterable[str], limit_s: float) -> tuple[int | None, str]:
    """Return pytest's exit status, None where it took too long, and its last words.

    Compiled loops are kept apart from run to run: numba does not see that a function which a loop calls has changed.
    """
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=line", "-o", f"cache_dir={_CACHE}"]
    with tempfile.TemporaryDirectory(prefix="reelmend-numba-") as loops:
        process = subprocess.Popen(
            [*words, *(f"tests/{test}" for test in tests)],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree / "src"), "NUMBA_CACHE_DIR": loops},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, f"no end within {limit_s:.0f} s"
    return process.returncode, said[-2000:]
