"""Somebody who saves another content over a source and puts the old one back, and a disk that damages events."""

import subprocess
import time
from random import Random
from threading import Event, Thread
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.killer import Kill, Killed

_PAUSE_S, _STAYS_S = (0.5, 4.0), (0.1, 2.0)
_PATIENCE_S = 60.0


class Meddler:
    """Harms what lies in the bucket, past the proxy. Everything is as it was when a run has ended, but for events."""

    def __init__(self, seed: int, bucket: str, contents: dict[str, bytes]) -> None:
        """`contents`: of the sources that may be meddled with, by name."""
        self._random, self._bucket, self._contents = Random(seed), bucket, contents
        self.done: list[Killed] = []

    def meddle(self, driver: subprocess.Popen[str], ended: Event) -> Thread:
        """Begin; the thread ends with the driver, or when `ended` is set."""
        thread = Thread(target=self._meddle, args=(driver, ended), name="meddler")
        thread.start()
        return thread

    def damage_events(self) -> None:
        """Flip a byte of a segment of the run that was last, or cut it off, every other time."""
        client = boto3.client("s3")
        prefix = "out/_reelmend/ledger/events/"
        told = client.list_objects_v2(Bucket=self._bucket, Prefix=prefix).get("Contents", ())
        last = max((one["Key"].split("/")[4] for one in told), default="")
        keys = [one["Key"] for one in told if one["Key"].startswith(f"{prefix}{last}/") and one["Size"]]
        if not keys or self._random.random() < 0.5:
            return
        key = self._random.choice(keys)
        content = bytearray(client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        at = self._random.randrange(len(content))
        content[at] ^= 1 << self._random.randrange(8)
        client.put_object(Bucket=self._bucket, Key=key, Body=bytes(content[: at if at % 2 else None]))
        self.done.append(Killed(time.time(), Kill.EVENTS, key))

    def _meddle(self, driver: subprocess.Popen[str], ended: Event) -> None:
        client = boto3.client("s3")
        while driver.poll() is None and not ended.wait(self._random.uniform(*_PAUSE_S)):
            name, other = self._random.sample(sorted(self._contents), 2)
            try:
                self._put(client, name, self._contents[other])
                ended.wait(self._random.uniform(*_STAYS_S))
            finally:
                self._put(client, name, self._contents[name])

    def _put(self, client: Any, name: str, content: bytes) -> None:
        """Save it, however often the busy server hangs up: a source that is not put back would be the campaign's own."""
        patience_ends = time.monotonic() + _PATIENCE_S
        while True:
            try:
                client.put_object(Bucket=self._bucket, Key=f"in/{name}", Body=content)
                break
            except (BotoCoreError, ClientError):
                if time.monotonic() > patience_ends:
                    raise
                time.sleep(0.2)
        self.done.append(Killed(time.time(), Kill.SOURCE, name))
