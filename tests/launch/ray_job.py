"""A Ray with its job server, in a process of its own: submit a shell command, print how Ray says it ended, as JSON."""

import json
import sys
import time

import ray
from ray.job_submission import JobStatus, JobSubmissionClient

PATIENCE_S = 120


def main(entrypoint: str) -> None:
    context = ray.init(address="local", num_cpus=1, include_dashboard=True, object_store_memory=80 * 2**20)
    client = JobSubmissionClient(f"http://{context.dashboard_url}")
    job = client.submit_job(entrypoint=entrypoint)
    give_up_s = time.monotonic() + PATIENCE_S
    while not client.get_job_status(job).is_terminal() and time.monotonic() < give_up_s:
        time.sleep(0.2)
    info = client.get_job_info(job)
    assert info.status is not JobStatus.PENDING
    print(json.dumps({"jobStatus": info.status, "message": info.message}))


if __name__ == "__main__":
    main(sys.argv[1])
