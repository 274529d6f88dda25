"""Does Ray's own exporter show a run's figures, under the names of the run's own port?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.cluster.metrics import INTERVAL_S, RayMetrics
from reelmend.pipelines.observe.metrics import METRICS

DRIVER = "tests.cluster.metrics_driver"


def test_figures_are_recorded_once_an_interval() -> None:
    metrics = RayMetrics()
    times_s = (100.0, 100.5, 100.0 + INTERVAL_S, 100.1 + INTERVAL_S)
    assert [metrics.due(now_s) for now_s in times_s] == [True, False, True, False]


@pytest.mark.ray
@pytest.mark.usefixtures("on_cluster")
def test_rays_exporter_shows_every_metric_with_our_labels_and_values(tmp_path: Path) -> None:
    command = [sys.executable, "-m", DRIVER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert {series.partition("{")[0] for series in shown} <= {metric.name for metric in METRICS}
    assert shown['reelmend_items_total{outcome="restored"}'] == 2.0
    assert shown['reelmend_tasks_ready{stage="flow"}'] == 0.0
    assert shown["reelmend_flow_cache_misses_total"] == 4.0
    assert shown["reelmend_workers"] == 2.0
    assert shown['reelmend_tasks_total{outcome="computed",stage="stitch"}'] == 2.0
