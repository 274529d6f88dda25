"""Names of the files and folders that a run keeps in its output folder."""

WORK_FOLDER = "_reelmend"
"""The run's own files, inside the output folder."""
CONFIG, LEDGER, SUMMARY, REPORT, LEASE = "config.yaml", "ledger", "run.json", "report.html", "lease.json"
PREDICTION = "plan.json"  # what was predicted before it began
NOW = "now.json"  # what it is at
"""The run's own files, in `<out>/_reelmend/`; the ledger is a folder."""
REPLACED = "replaced"
"""Among them a folder for what lay in outputs' places and was not the run's."""
MASK_PREVIEW = "mask_preview"
"""Of `reelmend mask preview`, among the run's own files."""
PREVIEW = "preview"
"""Of `reelmend preview`, likewise: the output folder of a run over a few seconds of some items."""
PROFILE_FOLDER = "profile"
"""Of timeline and traces, among the run's own files."""
TIMELINE = "timeline.json.gz"
MEMORY_FOLDER = "memory"
"""Of snapshots of GPU memory that ran out."""
