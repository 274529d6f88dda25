"""Quality and speed of the `propagation` engine on the commonest cases.

    python -m benchmarks.quality --samples DIR [--pictures DIR] [--only NAME] [--against REV]

DIR holds `bmx-trees/` (JPEG frames), `running_car.mp4`, `still_cars.mp4`, `still_bottles.mp4` and `mask_logo.png`. The
holes are painted grey before anything sees the frames, and the flow is rounded to float16 as the flow cache does.
Baselines: Telea's inpainting, SHIFTMAP with gradient-domain blending, and the engine of an older revision. Exit
status 1 when a gate is missed.
"""

import argparse
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from benchmarks.quality.against import BASELINE, engine_of, known_revision
from benchmarks.quality.cases import cases
from benchmarks.quality.gates import gates
from benchmarks.quality.pictures import write_sheet
from benchmarks.quality.score import score
from benchmarks.quality.shiftmap import PACKAGE, find_shiftmap
from benchmarks.quality.table import HEADER, as_json, row


def main() -> int:
    arguments = _arguments()
    shiftmap = None if arguments.no_shiftmap else find_shiftmap(arguments.contrib)
    if isinstance(shiftmap, str):
        print(f"no SHIFTMAP columns: {shiftmap}")
        shiftmap = None
    other = _revision(arguments.against)
    scores = []
    with engine_of(other) if other else nullcontext() as old_engine:
        print(HEADER, flush=True)
        for case in cases(arguments.samples, arguments.only):
            figures, shown = score(case, arguments.dilation, shiftmap, old_engine, arguments.repeats)
            scores.append(figures)
            print(row(figures), flush=True)
            if arguments.pictures:
                write_sheet(arguments.pictures, case, shown)
    if not scores:
        raise SystemExit(f"no case's name contains {arguments.only!r}")
    print()
    held = gates(scores)
    for gate in held:
        print(f"{'skipped' if gate.holds is None else 'PASS' if gate.holds else 'FAIL':<8}{gate.text}")
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(scores, held), indent=1) + "\n")
    return 1 if any(gate.holds is False for gate in held) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Quality and speed of the propagation engine."
    )
    parser.add_argument("--samples", type=Path, default=os.environ.get("REELMEND_SAMPLES"), help="folder of the clips")
    parser.add_argument("--pictures", type=Path, help="write a contact sheet a case into this folder")
    parser.add_argument("--only", default="", metavar="NAME", help="only cases whose names contain this")
    parser.add_argument(
        "--dilation", type=int, default=0, help="grow the engine's mask by so many pixels, as a run does"
    )
    parser.add_argument(
        "--against", metavar="REV", help=f"revision of the older engine ({BASELINE}; none: no such columns)"
    )
    parser.add_argument("--no-shiftmap", action="store_true", help="leave SHIFTMAP's columns out")
    parser.add_argument(
        "--contrib",
        type=Path,
        default=os.environ.get("REELMEND_OPENCV_CONTRIB"),
        help=f"folder where {PACKAGE} is unpacked; without it pip fetches it into a cache",
    )
    parser.add_argument("--repeats", type=int, default=2, help="how often each engine is timed; the fastest counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and gates there")
    arguments = parser.parse_args()
    if arguments.samples is None:
        parser.error("name the folder of the sample clips: --samples DIR, or set REELMEND_SAMPLES")
    arguments.samples = Path(arguments.samples)
    arguments.contrib = arguments.contrib and Path(arguments.contrib)
    return arguments


def _revision(asked: str | None) -> str | None:
    if asked == "none":
        return None
    if known_revision(revision := asked or BASELINE):
        return revision
    if asked:
        raise SystemExit(f"--against: this repository has no revision {asked}")
    print(f"no columns of the older engine: this repository has no revision {revision}")
    return None


if __name__ == "__main__":
    sys.exit(main())
