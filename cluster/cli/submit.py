"""`reelmend submit`: run a job on an existing Ray cluster."""

import os
import re
from datetime import date
from typing import Annotated

import typer

from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import EXIT_INTERRUPTED, ConfigError
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.job.paths import absolute_paths
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.utils.hashing import digest_of
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.text import visible

_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")

Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="URL", help="URL of the cluster's dashboard, http://HOST:8265. Default: RAY_ADDRESS."
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Name of the job. Default: its `name` setting, else the name of its file."
    ),
]
Date = Annotated[
    str | None,
    typer.Option(
        "--date", metavar="DATE", help="Run at most one job of this name for this day (2026-01-31, or 'today')."
    ),
]
Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Show the job's log and exit with its exit status.")]


@takes_job
def submit(
    typed: JobOptions,
    address: Address = None,
    name: Name = None,
    on: Date = None,
    follow: Follow = True,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Run a job on a Ray cluster through its Jobs API. Run it again to attach to the same job.

    Exits with the exit status of the run. Ctrl-C leaves the job running. Paths refer to the cluster's machines.

    Example: `reelmend submit job.yaml --address http://head:8265 --date today`
    """
    job = absolute_paths(typed.written())
    text = dump_job(job)
    _refuse_credentials(text)
    called = _checked_name(name or _own_name(job, typed.file))
    submission_id = f"reelmend-{called}-{_day(on) if on else digest_of(text)[:12]}"
    url = _address(address)
    from reelmend.cluster.jobs import ClusterLost, Jobs, exit_status_of  # ray takes a second to import

    screen = console()
    jobs = Jobs(url)
    submission = jobs.submit(submission_id, text)
    if as_json:
        print_json(submission._asdict())
    else:
        state = "submitted" if submission.new else "already exists; attached"
        screen.print(f"job {submission.id} {state}: {redact(url)}", soft_wrap=True)
    if not follow:
        return 0
    try:
        ended = jobs.follow(submission.id, lambda said: typer.echo(visible(said, keep="\n\t"), nl=False, err=as_json))
    except KeyboardInterrupt:
        screen.print(f"\nThe job continues. To stop it: ray job stop {submission.id}", soft_wrap=True)
        return EXIT_INTERRUPTED
    except ClusterLost as exc:
        screen.print(redact(str(exc)), soft_wrap=True)
        return EXIT_INTERRUPTED
    return exit_status_of(ended)


def _own_name(job: JobConfig, file: Location | None) -> str:
    if job.name != JobConfig().name:
        return job.name
    return file.stem if file is not None else job.name


def _refuse_credentials(text: str) -> None:
    lines = zip(text.splitlines(), redact(text).splitlines(), strict=True)
    if held := [hidden.strip() for line, hidden in lines if line != hidden]:
        raise ConfigError(
            f"the job holds credentials ({held[0]}), and anyone who can reach the cluster can read a job: remove "
            "them, and set AWS_ENDPOINT_URL and AWS_... on the cluster's machines"
        )


def _address(given: str | None) -> str:
    address = given or next((os.environ[key] for key in _ADDRESSES if os.environ.get(key)), "")
    if not re.match(r"https?://", address):
        raise ConfigError(
            f"--address: expected the URL of a cluster's dashboard, http://HOST:8265, got {address or 'nothing'!r}"
        )
    return address


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise ConfigError(
            f"--name {name}: not a valid name; use up to 64 letters, digits, dots, dashes and underscores"
        )
    return name


def _day(text: str) -> str:
    try:
        return (date.today() if text == "today" else date.fromisoformat(text)).isoformat()
    except ValueError as exc:
        raise ConfigError(f"--date {text}: not a valid date; use a day such as 2026-01-31, or 'today'") from exc
