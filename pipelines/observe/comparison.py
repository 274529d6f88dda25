"""Predicted beside actual figures, for the screen and the report."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reelmend.pipelines.config import CostConfig
from reelmend.pipelines.forecast.result import Bill, Forecast, bill
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.tasks import Stage
from reelmend.pipelines.utils.units import readable_amount, readable_bytes, readable_count, readable_seconds


@dataclass(frozen=True)
class Comparison:
    """One figure; `share` is actual over predicted, None where nothing was predicted."""

    name: str
    predicted: str
    actual: str
    share: float | None


def compare(summary: RunSummary) -> list[Comparison]:
    """Return what was predicted for this run beside what it did; empty where nothing was predicted."""
    predicted = Forecast.from_dict(summary.predicted)
    return list(_rows(predicted, summary)) if predicted.items else []


def actual_bill(predicted: Forecast, summary: RunSummary) -> Bill:
    """Return what the run's own seconds cost, by the prices and on the kind of machine of the prediction."""
    prices = CostConfig(
        price_per_cpu_hour=predicted.price_per_cpu_hour, price_per_gpu_hour=predicted.price_per_gpu_hour
    )
    seconds, cpu_seconds = _done(summary, "seconds"), _done(summary, "cpu_seconds")
    on_gpu = summary.peak_device_mb > 0
    return bill(seconds, cpu_seconds, prices, on_gpu=on_gpu, gpus_per_worker=predicted.gpus_per_worker)


def _rows(predicted: Forecast, summary: RunSummary) -> Iterator[Comparison]:
    def count(name: str, expected: float, actual: float) -> Comparison:
        return _row(name, expected, actual, lambda number: readable_count(round(number)))

    yield count("frames", predicted.frames, summary.frames)
    yield count("chunks", predicted.chunks, summary.chunks_computed + summary.chunks_reused)
    seconds = _done(summary, "seconds")
    for stage in Stage:
        if predicted.seconds:
            expected, actual = predicted.seconds.get(stage, 0.0), seconds.get(stage, 0.0)
            yield _row(f"{stage}, worker seconds", expected, actual, readable_seconds)
    written = _done(summary, "bytes")
    yield _row("flow, bytes", predicted.flow_bytes, written.get(Stage.FLOW, 0), readable_bytes)
    yield _row("parts, bytes", predicted.part_bytes, written.get(Stage.INPAINT, 0), readable_bytes)
    yield _row("outputs, bytes", predicted.output_bytes, written.get(Stage.STITCH, 0), readable_bytes)
    due = actual_bill(predicted, summary)
    yield _row("core-hours", predicted.cpu_hours, due.cpu_hours, readable_amount)
    if predicted.gpu_hours or due.gpu_hours:
        yield _row("GPU-hours", predicted.gpu_hours, due.gpu_hours, readable_amount)
    if due.price is not None:
        yield _row(f"price, {predicted.currency}", predicted.price, due.price, readable_amount)


def _row(name: str, predicted: float | None, actual: float, said: Callable[[float], str]) -> Comparison:
    share = actual / predicted if predicted else None
    return Comparison(name, "not known" if predicted is None else said(predicted), said(actual), share)


def _done(summary: RunSummary, what: str) -> dict[str, float]:
    return {stage: done.get(what, 0.0) for stage, done in summary.work.items()}
