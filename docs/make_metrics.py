"""Writes docs/metrics.md from pipelines/watch/metrics.py: `python docs/make_metrics.py` (a test checks that it is fresh)."""

from pathlib import Path

from pipelines.tasks import Stage
from pipelines.watch.metrics import ITEM_OUTCOMES, METRICS, TaskOutcome

PAGE = Path(__file__).with_name("metrics.md")

HEAD = """# Where does a run's time go? Metrics, logs, traces

<!-- Written by `python docs/make_metrics.py` from pipelines/watch/metrics.py: edit there, and the text in that script. -->

```sh
reelmend run job.yaml metrics.port=9464        # Prometheus reads http://127.0.0.1:9464/metrics while the run lives
reelmend run job.yaml log.format=json          # a JSON object a line on stderr
reelmend run job.yaml --profile                # traces and a timeline for ui.perfetto.dev
reelmend profile job.yaml                      # in words: what held the run up, and what to turn
```

## Metrics

All figures are known in the driver, which gets a receipt for every task; workers export nothing. Labels are `stage`,
`outcome`, `device` and `le`, never an item: what became of one video is in the ledger.

"""

TAIL = """
- A counter begins at 0 with the run, and grows while it lives: use `rate()` and `increase()`. Prometheus misses what happens
  between its last scrape and the end of a run; the last value of every series is in `_reelmend/run.json`, under `metrics`.
- `reelmend_gpu_used_bytes` is what the GPU itself says is in use, by whomever, when a task there has ended; the peak is the
  most that any one worker of the run had allocated. `device` is `machine:GPU`, numbered as the machine numbers them. Without a
  GPU neither is there.
- `reelmend_oom_steps_total` counts the steps of the ladder that [architecture.md](architecture.md) describes: fewer windows or pairs
  of frames at once, a sub-video that is kept in host memory, a block that is tried smaller, and a block or segment that is given up.
  Each is remembered, so that the number stays small.
- Quality is that of the items which the run itself restored ([quality.md](quality.md)). `reelmend_quality_items_total` counts as the buckets
  of a histogram do, `le` being an upper bound: `histogram_quantile(0.1, sum by (le) (reelmend_quality_items_total))` is the score that a
  tenth of the items does not reach, and `reelmend_quality_score_total` over the bucket `+Inf` is the mean.
- Retries are those of tasks. Requests that boto3 repeats (`s3.attempts`) are not among them.

### On a port of the run

`metrics.port=9464` opens it on the driver's machine, for any executor, Ray's too; 0, the default, opens none. Only that machine
reaches it unless `metrics.host=0.0.0.0` says otherwise: nothing there is secret, but nothing asks who reads it either. A port
that is taken stops the run before any work, exit status 2.

```yaml
scrape_configs:
  - job_name: reelmend
    scrape_interval: 5s
    static_configs: [{targets: ["driver.example:9464"]}]
```

### Through Ray

A run on Ray also records the same metrics with `ray.util.metrics`, once a second, from the driver. Ray's agent on the driver's
machine exports them with those of Ray itself, under these names with `ray_` before them (`ray_reelmend_frames_total`) and with
labels of its own. A Ray that is installed without its `default` extra has no agent and exports nothing; the run's own port is
the way then. On a cluster the agent's port is what `ray start --metrics-export-port` said (8080 under KubeRay). A Ray that
the run started itself picks a free port: use the run's own.

### Grafana

`deploy/grafana/reelmend.json` is a dashboard: *Dashboards → New → Import*. Its variables choose the data source, whether metrics
come from a run's own port or from Ray, and the scrape job. `python deploy/grafana/make_dashboard.py` writes it.

## Logs

Lines go to stderr. As text they are for people, `key=value` before words. `log.format=json`, or `REELMEND_LOG_FORMAT=json` for all
runs of a machine, makes each an object:

```json
{"time": "2026-01-31T09:26:53.142+00:00", "level": "INFO", "logger": "pipelines.worker", "message": "done", "run": "20260131-092611-74ef50", "stage": "inpaint", "item": "reel7/clip", "chunk": 3, "task": "inpaint:reel7/clip:3", "seconds": 4.339}
```

| field | there |
|---|---|
| `time`, `level`, `logger`, `message` | always; time is UTC |
| `run` | in every line from the begin of the run on; of what a worker logs, while it has a task |
| `item`, `stage`, `task` | in every line that is logged while a task is done, a library's too |
| `chunk`, `segment` | of an inpaint or flow task: its number in the item |
| `seconds`, `kind`, `reason`, `trace` | where there is something to say |

Workers log too. On a Ray cluster each has a file, `/tmp/ray/session_latest/logs/worker-*.err` on its machine, which the cluster's
log collector reads; a Ray of the run's own keeps them in `reelmend-ray-*` in the folder for temporary files, which goes with the
run. Workers follow the format that the driver was told.

In a terminal, text is the default and the live display takes the place of INFO lines; with JSON there is no live display.

## Traces and timeline

`reelmend run --profile` leaves in `_reelmend/profile/`:

- `timeline.json.gz`: a row a worker, by machine, and a span for every attempt at a task, as Chrome's trace format has it. Open it
  in <https://ui.perfetto.dev> (nothing is uploaded: it works in the browser). Spans lie where the worker's clock says, moved into the
  time between handing out and answer where that clock is off. It ends after 100 000 spans; `otherData` says how many are missing.
- `torch-STAGE-ITEM-NUMBER.json.gz`: what torch did, operators and GPU kernels, in the first three segments and the first three
  chunks that were computed. The `propagation` engine computes with NumPy, numba and OpenCV, which torch does not see.

Traced tasks are slower, and writing a trace takes seconds, which are not in the stage's. Without `--profile` none of it is done.

## In words

`reelmend profile JOB` reads `run.json` of a run that has ended, the ledger of one that goes on, and what `--profile` left. It names
the stage that held the run up: where all stages share the cores, the one that took longest; where GPUs have pools of their own, the
one with the longest queue. Then how long workers had nothing, and whether something was ready meanwhile. Each sentence
holds the figures that it rests on, and `turn:` says which setting changes it. `--json` gives the same to machines.
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
