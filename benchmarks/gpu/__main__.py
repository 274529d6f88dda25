"""Command line: `python -m benchmarks.gpu`, which `benchmarks/gpu.sh` calls.

    benchmarks/gpu.sh [--out DIR] [--minutes 9.5] [--device cuda:0] [--only PART,...] [--fresh]
    benchmarks/gpu.sh --device cpu --tiny

Parts run in the order of their worth. `DIR/gpu.json` is written after each, and `DIR/gpu.md` from it. The same command
again does what was left out or failed. Exits 1 when a part failed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.gpu.found import Found
from benchmarks.gpu.machine import describe
from benchmarks.gpu.parts import SHORTEST_S, parts_for
from benchmarks.gpu.table import as_markdown


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.sh", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir(), "reelmend-gpu"), metavar="DIR")
    parser.add_argument("--minutes", type=float, default=9.5, help="all parts together; what does not fit is left out")
    parser.add_argument("--device", default="cuda:0", help="cuda:N, or cpu")
    parser.add_argument("--tiny", action="store_true", help="a few frames of 48x40: to try the command itself")
    parser.add_argument("--only", default="", metavar="PART,...", help="parts by name")
    parser.add_argument("--fresh", action="store_true", help="forget what was found before")
    args = parser.parse_args()
    ends = time.monotonic() + 60 * args.minutes
    parts = parts_for(args.device, tiny=args.tiny)
    wanted = set(filter(None, args.only.split(",")))
    unknown = wanted - {part.name for part in parts}
    if unknown:
        print(
            f"error: no part {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in parts)}",
            file=sys.stderr,
        )
        return 2
    try:
        machine = describe(args.device)
    except RuntimeError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    found = Found.open(args.out, machine, fresh=args.fresh)
    for part in parts:
        if found.is_done(part.name) or (wanted and part.name not in wanted):
            continue
        left = ends - time.monotonic()
        if left < SHORTEST_S:
            found.leave_out(part.name, "no time was left")
            continue
        print(f"{part.name} (at most {min(part.limit_s, left):.0f} s) ...", file=sys.stderr, flush=True)
        found.keep(part.name, part.run(min(part.limit_s, left), args.out))
        (args.out / "gpu.md").write_text(as_markdown(found))
    (args.out / "gpu.md").write_text(as_markdown(found))
    print(as_markdown(found))
    return 1 if found.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
