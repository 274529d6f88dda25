"""Command line of the benchmark: `python -m benchmarks.masks text|overlay|damage|track --samples DIR`.

Each name is a module with `section(samples)`: what it measured as Markdown, and the gates that it missed. The section is
written to `masks.md`. Exit status 1 when a gate is missed.
"""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.masks.sections import write_section

NAMES = ("text", "overlay", "damage", "track")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.masks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--samples", type=Path, default=os.environ.get("REELMEND_SAMPLES"), help="folder of real clips")
    arguments = parser.parse_args()
    text, missed = import_module(f"benchmarks.masks.{arguments.name}").section(arguments.samples)
    write_section(arguments.name.capitalize(), text)
    print(text)
    for gate in missed:
        print(f"missed: {gate}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
