"""Region of interest: the surroundings of holes against whole frames."""

from collections.abc import Iterator

from benchmarks.compute_less.case import Case, Gate, Results, Row, ratio
from benchmarks.compute_less.clips import behind_box, behind_disc
from reelmend.core_model.bench.published import GFLOP

_FRAME, _HOLE = {"process.region": "frame"}, {"process.region": "hole"}
_PUBLISHED_GFLOP = sum(GFLOP.values())


def _logo_gates(results: Results) -> Iterator[Gate]:
    yield "operations, hole / frame", ratio(results, "hole", "frame", "gflop"), 0.25
    yield "CPU time, hole / frame", ratio(results, "hole", "frame", "cpu_s"), 0.30
    yield "dB lost to the truth, hole", results["frame"].truth_db - results["hole"].truth_db, 0.3
    plain, part = results["propagation, frame"], results["propagation, hole"]
    yield "dB lost to the truth, engine propagation", plain.truth_db - part.truth_db, 0.0


def _disc_gates(results: Results) -> Iterator[Gate]:
    yield "operations / published, frame", results["frame"].gflop / _PUBLISHED_GFLOP, 0.6635
    yield "operations / published, hole", results["hole"].gflop / _PUBLISHED_GFLOP, 0.50


def _uhd_gates(results: Results) -> Iterator[Gate]:
    yield "peak of a process, GB", results["hole"].peak_mb / 1000, 4.0


CASES = [
    Case(
        "static hole of 1 %",
        "432x240, a box of 32x32 at the centre; margins in pixels beside and above the hole",
        lambda frames: behind_box(frames, (432, 240), (200, 104, 32, 32)),
        24,
        [
            Row("frame", _FRAME),
            Row("hole", _HOLE),
            Row("hole, margin 40", _HOLE | {"process.region_margin": 40}),
            Row("hole, margin 64", _HOLE | {"process.region_margin": 64}),
            Row("hole, margin 96", _HOLE | {"process.region_margin": 96}),
            Row("hole, flow dis", _HOLE | {"flow.method": "dis"}),
            Row("hole, flow farneback", _HOLE | {"flow.method": "farneback"}),
            Row("propagation, frame", _FRAME, engine="propagation"),
            Row("propagation, hole", _HOLE, engine="propagation", plain="propagation, frame"),
        ],
        gates=_logo_gates,
    ),
    Case(
        "moving disc",
        "the clip of `reelmend bench model`, 432x240, masks grown by 4 pixels as there",
        lambda frames: behind_disc(frames, (432, 240)),
        24,
        [Row("frame", _FRAME), Row("hole", _HOLE), Row("hole, flow dis", _HOLE | {"flow.method": "dis"})],
        settings={"mask.dilation": 4},
        gates=_disc_gates,
    ),
    Case(
        "logo in 4K",
        "3840x2160, a box of 200x80 in the upper right corner, restored at the source's size",
        lambda frames: behind_box(frames, (3840, 2160), (3560, 80, 200, 80)),
        6,
        [Row("hole", _HOLE)],
        gates=_uhd_gates,
    ),
]
