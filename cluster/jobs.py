"""Jobs on a running Ray cluster: submission, attachment and exit status.

Through Ray's Jobs API. Who submits the same job again finds the one that is there: a retry never starts a second run.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiohttp
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from reelmend.pipelines.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    ConfigError,
    ReelmendError,
    SetupError,
    as_shell_says,
    first_line,
)
from reelmend.pipelines.utils.hashing import digest_of

JOB_FILE = "job.yaml"
ENTRYPOINT = f"reelmend run {JOB_FILE}"
_NOT_FOUND = 127  # what a shell says
_CONTENT = "content"
"""Key in a job's metadata: digest of the text that was submitted."""
_POLL_S = 2.0  # between two questions whether a job has ended
_CONNECTION_LOST = (aiohttp.ClientError, requests.RequestException, ConnectionError, RuntimeError, OSError)
_TALKATIVE = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)
"""They tell of every package that is uploaded and every connection that ends well."""
_NO_AGENT = "No available agent"
"""What Ray answers while a cluster starts, with the advice to try again."""
_PATIENCE_S = 300.0
"""For so long a cluster that no longer answers is asked again while its logs are followed."""


class ClusterLost(ReelmendError):
    """The cluster no longer answers; a job that runs there may continue."""


class Submission(NamedTuple):
    id: str
    new: bool
    """False: it was there already, alive or successful."""


class Jobs:
    """The Jobs API of one cluster. The token comes from Ray's own variables (RAY_AUTH_MODE=token, RAY_AUTH_TOKEN)."""

    def __init__(self, address: str) -> None:
        """`address`: http://HOST:8265. Raises SetupError when no cluster answers there, or refuses the token."""
        self._address = address
        with self._failures_named():
            self._client = JobSubmissionClient(address)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)

    def submit(self, name: str, job: str) -> Submission:
        """Submit a job, the text of its file, once.

        Where one of this name is alive or has succeeded, that is returned. One that failed or was stopped stays, with
        its logs, and the next is called NAME-2, NAME-3... Raises SetupError, and ConfigError when the one that is there
        was submitted with another text.
        """
        content = {_CONTENT: digest_of(job)}
        with self._failures_named():
            known = {details.submission_id: details for details in self._client.list_jobs()}
            for id in _attempts(name):
                if id not in known:
                    return Submission(id, self._start(id, job, content))
                if known[id].status not in (JobStatus.FAILED, JobStatus.STOPPED):
                    if known[id].metadata not in (None, {}, content):
                        raise ConfigError(
                            f"job {id} exists ({known[id].status.value.lower()}) and is a different job: "
                            "use another --name"
                        )
                    return Submission(id, False)
        raise AssertionError("attempts never end")

    def follow(self, id: str, write: Callable[[str], None]) -> JobDetails:
        """Pass on what the job writes until it is over; a lost connection is made again, and nothing told twice.

        Raises ClusterLost when the cluster does not answer for five minutes.
        """
        told, silent_since = 0, None  # a job may have nothing to say for hours: only failures are counted
        while True:
            try:
                for text in self._log_since(id, told):
                    told += len(text)
                    silent_since = None
                    write(text)
                details = self._client.get_job_info(id)
                if details.status.is_terminal():
                    for text in self._log_since(id, told):
                        write(text)
                    return details
                silent_since = None
            except _CONNECTION_LOST as exc:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > _PATIENCE_S:
                    raise ClusterLost(
                        f"the cluster at {self._address} no longer answers ({first_line(exc)}); the job may still be "
                        "running: run the same command again to attach to it"
                    ) from exc
            time.sleep(_POLL_S)

    def _start(self, id: str, job: str, content: dict[str, str]) -> bool:
        """Return whether this call started it, and not another one at the same moment."""
        with TemporaryDirectory() as folder:
            Path(folder, JOB_FILE).write_text(job)
            patience_ends = time.monotonic() + _PATIENCE_S
            while True:
                try:
                    # Nothing else goes along: anyone who can reach the cluster can read a job's runtime_env.
                    self._client.submit_job(
                        entrypoint=ENTRYPOINT, submission_id=id, runtime_env={"working_dir": folder}, metadata=content
                    )
                except RuntimeError as exc:
                    if "already" in str(exc):
                        return False
                    # The head of a cluster answers before its agents, which start jobs, have come up.
                    if _NO_AGENT not in str(exc) or time.monotonic() > patience_ends:
                        raise
                    time.sleep(_POLL_S)
                else:
                    return True

    def _log_since(self, id: str, told: int) -> Iterator[str]:
        """Yield what is after the first `told` characters of the log, until the connection or the job ends."""
        with asyncio.Runner() as runner:
            parts = self._client.tail_job_logs(id).__aiter__()
            seen = 0
            while (text := runner.run(anext(parts, None))) is not None:
                fresh = text[max(0, told - seen) :]
                seen += len(text)
                if fresh:
                    yield fresh

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except AuthenticationError as exc:
            raise SetupError(
                f"the cluster at {self._address} requires a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or "
                "RAY_AUTH_TOKEN_PATH) to the cluster's"
            ) from exc
        except (RuntimeError, OSError) as exc:  # requests' errors and ConnectionError are OSErrors
            raise SetupError(f"the Ray cluster at {self._address} cannot be used: {first_line(exc)}") from exc


def exit_status_of(details: JobDetails) -> int:
    """That of the run: 0 only when it succeeded, 3 with quarantined items, 130 when it was stopped.

    A run that was killed ends as in a shell, with 128 and the signal's number. Raises SetupError when the run could not
    begin there.
    """
    code = details.driver_exit_code
    if code == _NOT_FOUND:
        raise SetupError(
            f"job {details.submission_id}: the machines of the cluster have no `reelmend` on their PATH: start Ray in "
            "the environment, or the image, in which it is installed"
        )
    if details.status == JobStatus.SUCCEEDED:
        return 0
    if details.status == JobStatus.STOPPED:
        return EXIT_INTERRUPTED
    return as_shell_says(code or EXIT_BUG)


def _attempts(name: str) -> Iterator[str]:
    yield name
    attempt = 2
    while True:
        yield f"{name}-{attempt}"
        attempt += 1
