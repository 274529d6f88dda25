"""Writes reelmend.json, beside this file, from the metrics' declarations: `python deploy/grafana/make_dashboard.py`.

A test checks that it is fresh, and that queries and declarations name the same metrics.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelmend.pipelines.observe import metrics as m
from reelmend.pipelines.observe.metrics import Metric

FILE = Path(__file__).with_name("reelmend.json")
OWN, RAY = "reelmend", "ray_reelmend"
"""How names of metrics begin: on a run's own port, and as Ray exports them. A variable of the dashboard chooses."""


@dataclass(frozen=True)
class Figure:
    """One number, large, in the row on top."""

    title: str
    says: str
    query: str
    unit: str = "short"
    decimals: int = 0
    good: str = "text"
    """Colour from 0 on."""
    steps: tuple[tuple[float, str], ...] = ()
    """Colours from these values on."""


_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 8, 7  # three panels a row of Grafana's 24 columns
_FIGURE_WIDTH, _FIGURE_HEIGHT = 4, 4  # six figures in the row on top


@dataclass(frozen=True)
class Panel:
    title: str
    says: str
    queries: dict[str, str]
    """PromQL by legend."""
    unit: str = "short"
    stacked: bool = False
    limits: dict[str, float] = field(default_factory=dict)


def name(metric: Metric, selector: str = "") -> str:
    """A metric as a query names it: as the chosen exporter does, and of the chosen scrape jobs only."""
    also = f",{selector}" if selector else ""
    return f'${{metrics}}{metric.name.removeprefix(OWN)}{{job=~"$job"{also}}}'


def rate(metric: Metric, by: str = "", selector: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({name(metric, selector)}[$__rate_interval]))"


def total(metric: Metric, by: str = "", selector: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} ({name(metric, selector)})"


def quantile(share: float, histogram: Metric) -> str:
    return f"histogram_quantile({share:g}, {total(histogram, 'le')})"


_MEASURED = total(m.QUALITY, selector='le="+Inf"')
"""Items that have a score."""

FIGURES = [
    Figure(
        "Done",
        "Share of the items that have ended.",
        f"{total(m.ITEMS)} / ({total(m.ITEMS)} + {total(m.ITEMS_OPEN)})",
        "percentunit",
        steps=((1, "green"),),
    ),
    Figure("Left", "Items that have not ended.", total(m.ITEMS_OPEN)),
    Figure(
        "Frames a second",
        "Restored in the last minutes, by all workers. Red: nothing is restored; open items then wait for something.",
        rate(m.FRAMES, selector='stage="inpaint"'),
        decimals=1,
        good="red",
        steps=((0.01, "green"),),
    ),
    Figure(
        "Failed",
        "Items without an output: quarantined or failed.",
        total(m.ITEMS, selector='outcome=~"quarantined|failed"'),
        good="green",
        steps=((1, "red"),),
    ),
    Figure(
        "To review",
        "Restored with a score below quality.review_below.",
        total(m.TO_REVIEW),
        good="green",
        steps=((1, "orange"),),
    ),
    Figure(
        "Busy GPUs",
        "Mean over the GPUs of the run, after their last tasks; empty without NVML. Below a half, workers wait.",
        f"avg ({name(m.GPU_LOAD)})",
        "percentunit",
        good="red",
        steps=((0.5, "orange"), (0.8, "green")),
    ),
]

PANELS = [
    Panel(
        "Items that have ended",
        "By outcome; quarantined and failed ones have their reason in the ledger.",
        {"{{outcome}}": total(m.ITEMS, "outcome")},
        stacked=True,
    ),
    Panel(
        "Items to review",
        "Restored, but the score is below quality.review_below; reelmend status and the report name them.",
        {"to review": total(m.TO_REVIEW), "measured": _MEASURED},
    ),
    Panel(
        "Quality score",
        "Of restored items, 0 to 1: the mean, the median, and the score that a tenth of them does not reach.",
        {
            "mean": f"{total(m.QUALITY_SUM)} / {_MEASURED}",
            "median": quantile(0.5, m.QUALITY),
            "lowest tenth": quantile(0.1, m.QUALITY),
        },
        limits={"min": 0, "max": 1},
    ),
    Panel("Items open", "What is left to do.", {"open": total(m.ITEMS_OPEN)}),
    Panel(
        "Frames a second",
        "Of tasks that computed something; inpaint is the run's speed. A long chunk shows when it is done.",
        {"{{stage}}": rate(m.FRAMES, "stage")},
    ),
    Panel(
        "Tasks in work",
        "That a worker has now, beside the workers for flow and inpainting: where they are fewer, workers wait.",
        {"{{stage}}": total(m.TASKS_IN_WORK, "stage"), "workers": total(m.WORKERS)},
    ),
    Panel(
        "Tasks that wait",
        "Chunks waiting: more workers help. None waiting and workers idle: see probe and stitch.",
        {"{{stage}}": total(m.TASKS_READY, "stage")},
    ),
    Panel(
        "Seconds of work a second",
        "Of attempts, when they end; over minutes it is the number of workers that each stage takes.",
        {"{{stage}}": rate(m.STAGE_SECONDS, "stage")},
        stacked=True,
    ),
    Panel(
        "Seconds a task",
        "Mean over all attempts that ended.",
        {"{{stage}}": f"{rate(m.STAGE_SECONDS, 'stage')} / {rate(m.TASKS, 'stage')}"},
        unit="s",
    ),
    Panel(
        "Attempts that went wrong",
        "lost: the worker died; failed: an error came back. Retries are those that were made again.",
        {
            "{{stage}} {{outcome}}": rate(m.TASKS, "stage, outcome", 'outcome=~"failed|lost"'),
            "{{stage}} tried again": rate(m.RETRIES, "stage"),
        },
    ),
    Panel(
        "Did not fit into memory",
        "Times that a block or segment was too large for the GPU and was tried smaller, or given up.",
        {"{{stage}}": rate(m.OOM_STEPS, "stage")},
    ),
    Panel(
        "GPU memory",
        "In use after the last task there, held by a worker's allocator, and the most that one worker ever had.",
        {
            "{{device}} in use": total(m.GPU_USED, "device"),
            "{{device}} reserved": f"max by (device) ({name(m.GPU_RESERVED)})",
            "{{device}} peak": f"max by (device) ({name(m.GPU_PEAK)})",
        },
        unit="bytes",
    ),
    Panel(
        "GPU utilization",
        "Share of the last task's time in which the GPU computed, decoding and encoding included; needs NVML.",
        {"{{device}}": f"avg by (device) ({name(m.GPU_LOAD)})"},
        unit="percentunit",
        limits={"min": 0, "max": 1},
    ),
    Panel(
        "Main memory of a worker",
        "After the last task of the stage, and the most that any one worker had.",
        {
            "{{stage}}": f"max by (stage) ({name(m.RSS)})",
            "{{stage}} peak": f"max by (stage) ({name(m.RSS_PEAK)})",
        },
        unit="bytes",
    ),
    Panel(
        "Flow found in the cache",
        "Share of the segments asked for.",
        {"hits": f"{total(m.FLOW_HITS)} / ({total(m.FLOW_HITS)} + {total(m.FLOW_MISSES)})"},
        unit="percentunit",
        limits={"min": 0, "max": 1},
    ),
    Panel(
        "Bytes a second",
        "Read: artefacts, and inputs copied to a machine. Written: flow, parts, outputs.",
        {"{{stage}} read": rate(m.BYTES_READ, "stage"), "{{stage}} written": rate(m.BYTES_WRITTEN, "stage")},
        unit="Bps",
    ),
]


def dashboard() -> dict[str, Any]:
    """Return Grafana's model (schema 39: Grafana 10 and later)."""
    return {
        "uid": "reelmend",
        "title": "reelmend",
        "description": "A run of reelmend. docs/metrics.md says what each metric means.",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": [
            *(_figure(number, figure) for number, figure in enumerate(FIGURES)),
            *(_panel(number, panel) for number, panel in enumerate(PANELS)),
        ],
    }


def _variables() -> list[dict[str, Any]]:
    exporters = {"a run's own port": OWN, "Ray": RAY}
    choices = [{"text": text, "value": value, "selected": value == OWN} for text, value in exporters.items()]
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        {
            "name": "metrics",
            "label": "Metrics from",
            "type": "custom",
            "query": ",".join(f"{text} : {value}" for text, value in exporters.items()),
            "options": choices,
            "current": choices[0],
        },
        {
            "name": "job",
            "label": "Scrape job",
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": f"label_values(${{metrics}}{m.ITEMS_OPEN.name.removeprefix(OWN)}, job)", "refId": "job"},
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _figure(number: int, figure: Figure) -> dict[str, Any]:
    place = {"x": number * _FIGURE_WIDTH, "y": 0, "w": _FIGURE_WIDTH, "h": _FIGURE_HEIGHT}
    steps = [{"color": figure.good, "value": None}, *({"color": colour, "value": n} for n, colour in figure.steps)]
    defaults = {"unit": figure.unit, "decimals": figure.decimals, "color": {"mode": "thresholds"}}
    return {
        "id": number + 1,
        "type": "stat",
        "title": figure.title,
        "description": figure.says,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {**defaults, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "textMode": "value",
        },
        "targets": [{"refId": "A", "datasource": _SOURCE, "expr": figure.query}],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    column, row = number % 3, number // 3
    custom = {"fillOpacity": 20 if panel.stacked else 5, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "id": len(FIGURES) + number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": _FIGURE_HEIGHT + row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom, **panel.limits}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def text() -> str:
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text())
