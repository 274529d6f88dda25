"""Operations and time of the published code, and the share of them that ours may take.

Measured on the published code for 24 frames of 432x240 with a moving disc mask; operations count a fused multiply-add
as two and include deformable convolutions.
"""

from collections.abc import Sequence

from reelmend.core_model.bench.measure import Case, Measured

FRAMES, SIZE = 24, (432, 240)
GFLOP = {"raft": 491.0 * (FRAMES - 1), "flow_completion": 39.0 * (FRAMES - 1)}
GFLOP["generator"] = 21_570.0 - sum(GFLOP.values())
SECONDS, MATMUL_GFLOPS = 131.0, 226.0
"""In fp32 on 2 CPU cores, on which a 2048^3 product ran at so many GFLOP/s."""

_OPERATIONS_SHARE, _FP32_SHARE, _BF16_SHARE = 0.68, 0.65, 0.45
_FP32_ROW, _BF16_ROW = "huge_pages", "bf16"


def is_reference(case: Case) -> bool:
    return (case.frames, case.size) == (FRAMES, SIZE)


def operations_gate(counted: dict[str, float]) -> tuple[str, bool]:
    """Return a line that says what was reached, and whether it is enough."""
    return _line("operations", sum(counted.values()) / sum(GFLOP.values()), _OPERATIONS_SHARE)


def time_gates(measured: Sequence[Measured], matmul_gflops: float) -> list[tuple[str, bool]]:
    """The same for the seconds of the rows that count, of a CPU on which a product runs at `matmul_gflops`."""
    here = SECONDS * MATMUL_GFLOPS / matmul_gflops
    limits = {_FP32_ROW: _FP32_SHARE, _BF16_ROW: _BF16_SHARE}
    return [_line(f"time, {m.name}", m.seconds / here, limits[m.name]) for m in measured if m.name in limits]


def _line(what: str, share: float, limit: float) -> tuple[str, bool]:
    good = share <= limit
    return f"{what} / published: {share:.1%} (at most {limit:.0%}): {'PASS' if good else 'FAIL'}", good
