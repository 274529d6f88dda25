"""Writes docs/metrics.md from pipelines/observe/metrics.py: `python docs/make_metrics.py` (a test checks that it is fresh)."""

from pathlib import Path

from reelmend.pipelines.observe.metrics import ITEM_OUTCOMES, METRICS, TaskOutcome
from reelmend.pipelines.tasks import Stage

PAGE = Path(__file__).with_name("metrics.md")

HEAD = """# Metrics, logs, traces

<!-- Written by `python docs/make_metrics.py` from pipelines/observe/metrics.py: edit there, and the text in that script. -->

```sh
reelmend run job.yaml metrics.port=9464        # Prometheus reads http://127.0.0.1:9464/metrics during the run
reelmend run job.yaml log.format=json          # one JSON object per line on stderr
reelmend run job.yaml --profile                # traces and a timeline for ui.perfetto.dev
reelmend profile job.yaml                      # in words: the bottleneck, and settings to change
```

## Metrics

The driver has all figures, from the receipt of every task; workers export nothing. Labels are `stage`,
`outcome`, `device` and `le`, never an item: the result of one video is in the ledger.

"""

TAIL = """
- Counters start at 0 with the run: use `rate()` and `increase()`. Prometheus misses changes between its last scrape and the end of
  a run; the last value of every series is in `_reelmend/run.json`, under `metrics`.
- `reelmend_gpu_used_bytes` is the memory in use on the GPU, by all processes, after a task; the peak is the most that one worker of the run
  had allocated. `device` is `machine:GPU`, numbered as on the machine. Without a GPU none of these exist.
- `reelmend_gpu_utilization_ratio` needs NVIDIA's management library: `pip install 'reelmend[gpu]'`. Without it, and on a part of a GPU (MIG), the series
  does not exist. It is the mean over the last task of a worker there, of what all processes compute; a task's decoding and encoding count as idle.
- `reelmend_worker_rss_bytes` is the memory of one process, after a task; on one machine, workers of all stages add up.
- `reelmend_oom_steps_total` counts the steps described in the [architecture](architecture.md#insufficient-memory): fewer windows or pairs of frames at once, a sub-video
  kept in host memory, a block retried smaller, a block or segment given up. Each is remembered, so the number stays small.
- Quality refers to the items that the run itself restored ([quality.md](quality.md)). `reelmend_quality_items_total` counts as the buckets
  of a histogram do, `le` being an upper bound: `histogram_quantile(0.1, sum by (le) (reelmend_quality_items_total))` is the score below which a
  tenth of the items are, and `reelmend_quality_score_total` over the bucket `+Inf` is the mean.
- Retries are those of tasks, without requests that boto3 repeats (`s3.attempts`).

### On a port of the run

`metrics.port=9464` opens a port on the driver's machine, for any executor; 0, the default, opens none. Only that machine can reach it,
unless `metrics.host=0.0.0.0` is set. The metrics contain no secrets, but the port has no authentication. If the port is in use, the run stops before
any work, with exit status 2.

```yaml
scrape_configs:
  - job_name: reelmend
    scrape_interval: 5s
    static_configs: [{targets: ["driver.example:9464"]}]
```

### Through Ray

A run on Ray also records the same metrics with `ray.util.metrics`, once a second, from the driver. Ray's agent on the driver's
machine exports them with those of Ray itself, under these names with `ray_` before them (`ray_reelmend_frames_total`) and with
labels of its own. Ray without its `default` extra has no agent and exports nothing; use the run's own port
then. On a cluster the agent's port is set by `ray start --metrics-export-port` (8080 under KubeRay). A local
Ray picks a free port: use the run's own.

### Grafana

`deploy/grafana/reelmend.json` is a dashboard: *Dashboards → New → Import*. It opens with a row of single figures: done, left, frames per second, failed, to
review, and how busy the GPUs are, coloured by thresholds. Its variables choose the data source, whether metrics
come from a run's own port or from Ray, and the scrape job. `python deploy/grafana/make_dashboard.py` writes it.

## Logs

Logs go to stderr. Text is for people, with `key=value` before words. With `log.format=json`, or `REELMEND_LOG_FORMAT=json` for all
runs of a machine, each line is an object:

```json
{"time": "2026-01-31T09:26:53.142+00:00", "level": "INFO", "logger": "reelmend.pipelines.stages.worker", "message": "done", "run": "20260131-092611-74ef50", "stage": "inpaint", "item": "reel7/clip", "chunk": 3, "task": "inpaint:reel7/clip:3", "seconds": 4.339}
```

| field | present |
|---|---|
| `time`, `level`, `logger`, `message` | always; time is UTC |
| `run` | in every line after the start of the run; on workers, during a task |
| `item`, `stage`, `task` | in every line logged during a task, including those of libraries |
| `chunk`, `segment` | of an inpaint or flow task: its number in the item |
| `seconds`, `kind`, `reason`, `trace` | where applicable |

Workers log, too. On a Ray cluster each has a file, `/tmp/ray/session_latest/logs/worker-*.err` on its machine, for the cluster's
log collector; a local Ray keeps them in `reelmend-ray-*` in the folder for temporary files, which is removed with the run. Workers use the
driver's format.

In a terminal the default format is text, and a live display replaces INFO lines. JSON logs disable the live display.

## Traces and timeline

`reelmend run --profile` writes to `_reelmend/profile/`:

- `timeline.json.gz`: a row per worker, by machine, and a span per attempt at a task, in Chrome's trace format. Open it
  in <https://ui.perfetto.dev> (nothing is uploaded: it works in the browser). Spans are placed by the worker's clock, corrected to lie between
  assignment and answer. The file ends after 100 000 spans; `otherData` has the number of those missing.
- `torch-STAGE-ITEM-NUMBER.json.gz`: torch operators and GPU kernels of the first three segments and the first three chunks
  computed, inside named ranges: the stage, each network and its steps, each group of windows with the numbers of its frames. The `propagation`
  engine uses NumPy, numba and OpenCV, which torch does not trace; its traces hold the ranges.
- `memory-STAGE-ITEM-NUMBER.pickle`, with `--profile=memory` on a GPU: its memory after the task, and which line allocated what, for
  <https://pytorch.org/memory_viz>.

`--profile=shapes,memory,stack` adds to the traces: shapes of operators' inputs, allocations, lines of Python; any of them, in any order. With `stack` a trace
takes tens of MB. Traced tasks are slower, and writing a trace takes seconds, which are not counted in the stage. Ranges cost nothing in a run without `--profile`.

For Nsight Systems, `--profile=nvtx` puts the same ranges around all tasks of flow and inpainting as NVTX ranges, and writes no traces:

```text
nsys profile --trace=cuda,nvtx -o run reelmend run job.yaml run.executor=inline --profile=nvtx
```

### Memory that ran out

When a GPU's memory runs out, the state of torch's allocator at that moment is written to `_reelmend/memory/`, and a warning in the log names the
file: what was allocated, in which pieces, and what was free between them. The steps of the
[ladder](architecture.md#insufficient-memory) follow as usual. A process writes at most three, and the folder keeps the newest eight. Open one in <https://pytorch.org/memory_viz>, which
works in the browser; with `--profile=memory` those of traced tasks also show the lines of code behind each allocation.

## Bottlenecks

`reelmend profile JOB` reads `run.json` of a finished run, the ledger of a run in progress, and the files of `--profile`. It names the
bottleneck: if all stages share the cores, the stage that took longest; if GPUs have separate pools, the one with the longest queue. Then it
reports how long workers were idle, and whether tasks were ready meanwhile. Each finding includes its figures, and `change:` names the settings to
change. `--json` prints the same as JSON.
"""


def page() -> str:
    """Return the page's text."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.meaning} |"
        for metric in METRICS
    ]
    values = [
        f"`stage`: {', '.join(Stage)}.",
        f"`outcome` of a task: {', '.join(TaskOutcome)}.",
        f"`outcome` of an item: {', '.join(ITEM_OUTCOMES)}.",
    ]
    table = "| metric | kind | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    return HEAD + table + "\n\n" + "\n".join(f"- {value}" for value in values) + TAIL


if __name__ == "__main__":
    PAGE.write_text(page())
