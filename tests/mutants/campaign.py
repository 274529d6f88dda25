"""Faults planted one at a time: do the tests of their module notice? `make mutants`, MUTANTS="--seed 2 --count 30".

Each is planted in a copy of the tree, never in the tree itself. Without options the sample is the same each time. The
exit status is 1 when fewer than nine of ten are caught, 2 when the tests fail without any fault or cannot run with one.
"""

import argparse
import os
import queue
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.fault import Fault
from tests.mutants.planting import (
    ALL_FAULTS,
    ROOT,
    Outcome,
    Verdict,
    complaint_about,
    copy_of_tree,
    run_tests,
    sample,
    try_fault,
)

LEAST_SHARE = 0.9
"""Of the faults that are to be caught."""
_LIMIT_S = 1200.0
"""For all the tests without a fault."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=30, help="faults to plant; 0: all")
    parser.add_argument("--only", default="", help="those whose file or description holds this")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="copies of the tree at work")
    asked = parser.parse_args()
    rotten = [complaint for fault in ALL_FAULTS if (complaint := complaint_about(fault, ROOT))]
    if rotten:
        print("\n".join(rotten))
        return 2
    chosen = sample(asked.seed, asked.count, asked.only)
    with tempfile.TemporaryDirectory(prefix="reelmend-mutants-") as folder:
        copies = [copy_of_tree(Path(folder, str(number))) for number in range(max(1, asked.jobs))]
        code, said = run_tests(copies[0], sorted({test for fault in chosen for test in fault.tests.split()}), _LIMIT_S)
        if code != 0:
            print(f"the tests fail without any fault:\n{said}")
            return 2
        verdicts = list(_try_all(chosen, copies))
    return _conclude(verdicts)


def _try_all(faults: Sequence[Fault], copies: Sequence[Path]) -> Iterable[Verdict]:
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for tree in copies:
        free.put(tree)

    def in_a_copy(entry: tuple[int, Fault]) -> Verdict:
        tree = free.get()
        try:
            return try_fault(entry[1], tree, entry[0])
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(copies)) as workers:
        for verdict in workers.map(in_a_copy, enumerate(faults)):
            fault = verdict.fault
            print(f"{verdict.outcome:6} {verdict.seconds:4.0f} s  {fault.file}: {fault.what}", flush=True)
            if verdict.outcome is Outcome.BROKEN:
                print(verdict.said)
            yield verdict


def _conclude(verdicts: Sequence[Verdict]) -> int:
    caught = sum(verdict.outcome is Outcome.CAUGHT for verdict in verdicts)
    print(f"{caught} of {len(verdicts)} faults are caught")
    if any(verdict.outcome is Outcome.BROKEN for verdict in verdicts):
        return 2
    return 0 if caught >= LEAST_SHARE * len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
