"""Settings are varied one at a time, and a row is kept only where it is faster and loses little."""

from collections.abc import Mapping
from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.tuning.candidates import Candidate, Situation
from reelmend.pipelines.tuning.descent import descend, loss_of
from reelmend.pipelines.tuning.measure import Row

SITUATION = Situation(JobConfig(), (640, 360), cores=4, gpu=False, precisions=frozenset())


def row(settings: Mapping[str, Any], seconds: float, *psnr_db: float, failed: str = "") -> Row:
    return Row(dict(settings), seconds, seconds, 100.0, psnr_db or (30.0, 40.0), 1, 1, 1.0, failed)


def one(key: str, *values: Any, falling: bool = False) -> Candidate:
    return Candidate(key, lambda situation: values, falling=falling)


def test_the_fastest_combination_that_loses_little_is_found_and_every_refusal_has_a_reason() -> None:
    def measure(settings: Mapping[str, Any]) -> Row:
        seconds = 1.0
        if settings.get("a") == 2:
            seconds *= 0.5
        if settings.get("b") == 1:
            seconds *= 2
        loss = {320: 0.2, 256: 0.9, 128: 2.0}.get(settings.get("side", 0), 0.0)
        seconds *= {320: 0.8, 256: 0.4, 128: 0.2}.get(settings.get("side", 0), 1.0)
        if settings.get("c"):
            return row(settings, 0.0, failed="out of memory")
        return row(settings, seconds, 30.0 - loss, 40.0)

    table = [one("a", 2), one("b", 1), one("c", True), one("side", 320, 256, 128, falling=True)]
    search = descend(row({}, 1.0), table, lambda settings: SITUATION, measure, 0.5)
    assert search.best.settings == {"a": 2, "side": 320}
    assert search.best.seconds_per_frame == 0.4
    first_round = {verdict.key: verdict.why for verdict in search.verdicts[:5]}
    assert first_round == {
        "a": "2.00 times as fast, loses nothing",
        "b": "100% slower than the best row before",
        "c": "out of memory",
        "side": "loses 0.90 dB, more than 0.5",
    }
    tried = [verdict.row.settings.get("side") for verdict in search.verdicts]
    assert 128 not in tried, "smaller still would lose more"


def test_the_worst_clip_decides_what_is_lost_and_losses_are_counted_from_the_jobs_own_settings() -> None:
    own = row({}, 1.0, 30.0, 40.0)
    assert loss_of(row({}, 1.0, 29.0, 45.0), own) == 1.0
    assert loss_of(row({}, 1.0, float("inf")), row({}, 1.0, float("inf"))) == 0.0

    def measure(settings: Mapping[str, Any]) -> Row:
        return row(settings, 1.0 - 0.3 * len(settings), 30.0 - 0.4 * len(settings), 40.0)

    search = descend(own, [one("a", 1), one("b", 1)], lambda settings: SITUATION, measure, 0.5)
    assert search.best.settings == {"a": 1}, "0.4 dB each, but both together would lose 0.8"


def test_gains_within_what_measurements_differ_by_are_not_kept() -> None:
    search = descend(row({}, 1.0), [one("a", 1)], lambda settings: SITUATION, lambda settings: row(settings, 0.98), 0.5)
    assert search.best.settings == {}
    assert search.verdicts[0].why == "not faster than the best row before"


def test_what_there_was_no_time_for_and_what_does_not_go_together_is_said() -> None:
    def measure(settings: Mapping[str, Any]) -> Row | None:
        if "b" in settings:
            return None
        raise ConfigError("plan.overlap: too large")

    search = descend(row({}, 1.0), [one("a", 1), one("b", 2)], lambda settings: SITUATION, measure, 0.5)
    assert search.not_measured == ["b=2"]
    assert search.verdicts[0].why == "these settings do not go together: plan.overlap: too large"
