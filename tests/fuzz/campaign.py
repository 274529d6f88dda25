"""The long form: hostile files for as many minutes as are given. `make fuzz`, or `FUZZ="--minutes 60 --seed 2"`.

What goes wrong is kept in `fuzz-findings/`, with the file that does it; the exit status is 1 then.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.seeds import Seed, all_seeds, write
from tests.fuzz.victim import Answer, Victim

FINDINGS = Path("fuzz-findings")


@dataclass
class Tally:
    """Of one seed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    grown_mb: float = 0.0

    def count(self, answer: Answer) -> None:
        self.outcomes[answer.outcome] += 1
        self.slowest_s = max(self.slowest_s, answer.seconds)
        self.grown_mb = max(self.grown_mb, answer.grown_mb)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a reader: video, mask, look, manifest, names, flow, ...")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Victim() as victim:
        tallies = _campaign(Path(folder), victim, asked)
    for name, tally in tallies.items():
        print(f"{name:32} {dict(tally.outcomes)}  slowest {tally.slowest_s:.1f} s, grown {tally.grown_mb:.0f} MB")
    in_all = sum((tally.outcomes for tally in tallies.values()), Counter())
    print(f"{sum(in_all.values())} files: {dict(in_all)}")
    return 0 if set(in_all) <= {"read", "refused"} else 1


def _campaign(folder: Path, victim: Victim, asked: argparse.Namespace) -> dict[str, Tally]:
    seeds = [seed for seed in all_seeds(folder) if asked.only in ("", seed.reader)]
    tallies = {f"{seed.reader} {seed.name}": Tally() for seed in seeds}
    until, number = time.monotonic() + 60 * asked.minutes, 0
    while time.monotonic() < until:
        seed = seeds[number % len(seeds)]
        path = write(folder, seed, random.Random(f"{asked.seed}:{number}"))
        answer = victim.ask(seed.reader, path)
        tallies[f"{seed.reader} {seed.name}"].count(answer)
        if not answer.good:
            _keep(seed, path, answer, number)
        number += 1
    return tallies


def _keep(seed: Seed, path: Path, answer: Answer, number: int) -> None:
    FINDINGS.mkdir(exist_ok=True)
    kept = FINDINGS / f"{answer.outcome}-{number}-{seed.reader}-{seed.name}"
    shutil.copyfile(path, kept)
    kept.with_name(f"{kept.name}.txt").write_text(answer.detail)
    print(f"{kept}: {answer.detail.strip().splitlines()[-1] if answer.detail else ''}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
