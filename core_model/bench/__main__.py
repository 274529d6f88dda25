"""Command line of the networks' benchmark.

    python -m reelmend.core_model.bench [--size 432x240] [--frames 24] [--device auto] [--rows naive,sdpa] [--ops] [--json FILE]

Exits 1 when a gate is missed: operations at the reference case (24 frames of 432x240), and time at it on a CPU.
"""

import argparse
import sys
from pathlib import Path

from reelmend.core_model.bench.run import ALL_ROWS, run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m reelmend.core_model.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--size", default="432x240", metavar="WxH")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--rows", default=ALL_ROWS, help="names with commas between; naive is always measured")
    parser.add_argument("--ops", action="store_true", help="count operations and print them by network")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there too")
    args = parser.parse_args()
    try:
        good = run(args.size, args.frames, args.device, args.rows, operations=args.ops, json_file=args.json)
    except ValueError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
