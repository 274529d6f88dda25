"""The figures as a table for Markdown, and as JSON."""

import math
from typing import Any

from benchmarks.quality.gates import Gate
from benchmarks.quality.score import Score

_COLUMNS = (
    "case", "Telea, dB", "old gain, dB", "gain, dB", "over SHIFTMAP +, dB", "worse frames", "texture",
    "seam (SHIFTMAP +)", "flicker", "warping / Telea", "frames/s", "/ old (CPU)", "own score",
)  # fmt: skip

HEADER = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"


def row(score: Score) -> str:
    """Return a case's line; what was not measured stays empty."""
    theirs = _number(score.shiftmap_seam, " ({:.2f})")
    cells = [
        score.name,
        _number(score.telea_db, "{:.2f}"),
        _number(score.old_db - score.telea_db, "{:+.2f}"),
        _number(score.gain_db, "{:+.2f}"),
        _number(score.gain_over_shiftmap_db, "{:+.2f}"),
        _number(score.worse, "{:.0%}"),
        _number(score.texture, "{:.2f}"),
        _number(score.seam if math.isnan(score.seam_there) else score.seam_there, "{:.2f}") + theirs,
        _number(score.flicker, "{:.2f}"),
        _number(score.warping, "{:.2f}"),
        _number(score.speed.ours, "{:.1f}"),
        _number(score.speed.ours / score.speed.old, "{:.2f}")
        + _number(score.speed.ours_cpu / score.speed.old_cpu, " ({:.2f})"),
        _number(score.quality, "{:.2f}"),
    ]
    return f"| {' | '.join(cells)} |"


def as_json(scores: list[Score], held: list[Gate]) -> dict[str, Any]:
    """Return everything that was measured; null where something was not."""
    rows = [{**score._asdict(), "gain_db": score.gain_db, "speed": score.speed._asdict()} for score in scores]
    return {"cases": [_plain(row) for row in rows], "gates": [gate._asdict() for gate in held]}


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)


def _plain(value: Any) -> Any:
    """JSON knows neither nan nor inf."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value if not isinstance(value, float) or math.isfinite(value) else None
