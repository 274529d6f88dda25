"""`reelmend launch`: hand over to the layer above, which knows Kubernetes."""

import os
import sys
from typing import NoReturn

import typer

PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""How the command is registered: its words are read by the one who acts on them, `--help` too."""


def launch(context: typer.Context) -> NoReturn:
    """Create a run on Kubernetes as a RayJob, wait for its end, and end with its exit status.

    Example: `reelmend launch reelmend-nightly`
    """
    # This process becomes the launcher: signals and exit status need nobody to pass them on.
    os.execv(sys.executable, [sys.executable, "-m", "cluster.kubernetes", *context.args])
