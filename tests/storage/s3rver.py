"""A second S3 server that is none of ours: s3rver of npm, which ignores conditions on PUT as some stores do."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "3.7.1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}
_PATIENCE_S = 120


class NotHere(Exception):
    """Why it cannot be started on this machine."""


def installed(folder: Path) -> Path:
    """Return the program, fetched into `folder` where it is not there yet. Raises NotHere."""
    program = folder / "node_modules/.bin/s3rver"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotHere("no node and npm on this machine")
    if not program.exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"s3rver@{VERSION}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired as exc:
            raise NotHere(f"npm does not bring s3rver within {_PATIENCE_S} s") from exc
        if done.returncode or not program.exists():
            raise NotHere(f"npm brings no s3rver: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return program


@contextmanager
def serving(program: Path, folder: Path) -> Iterator[str]:
    """Yield the URL of a server whose buckets are in `folder`."""
    command = ["node", str(program.resolve()), "--address", "127.0.0.1", "--port", "0", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        try:
            found = next((found for line in lines if (found := re.search(r"127\.0\.0\.1:\d+", line))), None)
            if found is None:
                raise NotHere("s3rver ends before it listens")
            threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
            yield f"http://{found.group()}"
        finally:
            process.terminate()
