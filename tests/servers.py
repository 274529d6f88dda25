"""An object store in a process of its own, for tests and benchmarks: moto's server, asked over HTTP as any other."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What boto3 finds in the environment: the test's store, and nothing of the machine's own."""


@contextmanager
def s3_server() -> Iterator[str]:
    """Yield the server's URL."""
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        address = next(found.group() for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        drain = threading.Thread(target=lambda: [None for _ in lines], daemon=True)  # a full pipe would stop the server
        drain.start()
        try:
            yield address
        finally:
            process.terminate()
