"""`reelmend schema`: the JSON schema of a job file."""

import json

import typer

from reelmend.pipelines.cli.options import Debug
from reelmend.pipelines.job.schema import job_schema


def schema(debug: Debug = False) -> int:
    """Print the JSON schema of the job file, for completion and validation in an editor.

    Example: `reelmend schema > job.schema.json`
    """
    typer.echo(json.dumps(job_schema(), indent=2))
    return 0
