"""Everything that knows Ray: who does which task, and what happens when a worker dies.

Ray reads these variables once, when it is imported; every module that imports it is in this package, so this is
the place to set them. What the user has set stays.
"""

import os

for _name, _value in {
    # Started by `uv run`, Ray would build an environment for each worker; workers use this interpreter's packages.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # A worker that holds no GPU must see none: else every probe and stitch could occupy memory of the first one.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    # Deaths of workers and nodes are reported by the run itself, in one line; Ray would print a paragraph into stdout,
    # and spoil `--json`. Workers' own output does not come this way.
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}.items():
    os.environ.setdefault(_name, _value)
