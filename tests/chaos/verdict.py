"""Was anything lost, done twice, or left lying about? Complaints, one a line; none is what a campaign wants."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3

from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from tests.chaos.killer import Killed
from tests.chaos.workload import Truth

_OURS = re.compile(r"out/(clip_\d+\.mkv|_reelmend/([^./][^/]*/)*[^./][^/]*)")
"""Outputs, and the run's own files; names that begin with a dot are for a moment."""
_MADE_ONCE = re.compile(r"/[^/]+/out/(clip_\d+\.mkv|_reelmend/store/(parts|flow)/.*)")
_ECHO_S = 30.0
"""A process that was killed, or cut off from its driver, may have a twin for about this long."""


@dataclass(frozen=True)
class Request:
    """A line of the proxy's diary."""

    at: float
    method: str
    key: str
    query: str
    fault: str | None
    status: int

    @property
    def writes(self) -> bool:
        """Whether an object was written by it."""
        whole = self.method == "PUT" and "uploadId" not in self.query
        completed = self.method == "POST" and "uploadId=" in self.query
        return (whole or completed) and self.status == 200


def read_diary(path: Path) -> list[Request]:
    lines = path.read_text().splitlines()
    return [Request(**json.loads(line)) for line in lines]


def ends(rows: Iterable[ItemRow], truth: Truth, bucket: str) -> list[str]:
    """Every item is restored, or quarantined with the reason that a run without faults gives."""
    complaints = []
    reasons = dict(truth.reasons)
    for row in rows:
        if row.state is ItemState.QUARANTINED:
            said = row.reason.replace(f"s3://{bucket}/in/", "")
            if said != reasons.pop(row.id, None):
                complaints.append(f"{row.id}: quarantined for a reason that is not true: {row.reason}")
        elif row.state is not ItemState.RESTORED:
            complaints.append(f"{row.id}: {row.state}: {row.reason}")
    return complaints + [f"{item}: should have been quarantined: {reason}" for item, reason in reasons.items()]


def contents(bucket: str, truth: Truth) -> list[str]:
    """The outputs are those of a run without faults, byte for byte, and nothing else lies there."""
    client, objects = boto3.client("s3"), boto3.resource("s3").Bucket(bucket).objects
    complaints = [
        f"{name}: not the bytes of a run without faults"
        for name, expected in truth.outputs.items()
        if _read(client, bucket, f"out/{name}") != expected
    ]
    complaints += [f"{seen.key}: left over" for seen in objects.filter(Prefix="out/") if not _OURS.fullmatch(seen.key)]
    uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
    return complaints + [f"{upload['Key']}: unfinished upload" for upload in uploads]


def repeats(diary: Iterable[Request], kills: Iterable[Killed]) -> tuple[list[str], int]:
    """Return what was computed twice though no fault explains it, and how much was computed twice with one."""
    by_key: Mapping[str, list[Request]] = defaultdict(list)
    for request in diary:
        if _MADE_ONCE.fullmatch(request.key):
            by_key[request.key].append(request)
    kill_times = [kill.at for kill in kills]
    unexplained, explained = [], 0
    for key, requests in by_key.items():
        written = [request.at for request in requests if request.writes]
        for earlier, later in pairwise(written):
            harmed = any(request.fault and request.at <= later for request in requests)
            if harmed or any(earlier - _ECHO_S <= at <= later for at in kill_times):
                explained += 1
            else:
                unexplained.append(f"{key}: written twice, {later - earlier:.1f} s apart, and nothing had gone wrong")
    return unexplained, explained


def written_past(diary: Iterable[Request], truth: Truth) -> list[str]:
    """Outputs that came into the store without the process that harms requests: they met no fault, and prove little."""
    seen = {Path(request.key).name for request in diary if request.writes}
    return [f"{name}: was written past the proxy" for name in truth.outputs if name not in seen]


def mended(diary: list[Request]) -> dict[str, tuple[int, int]]:
    """Return, by fault, how many there were and after how many the same was asked again and answered."""
    answered: dict[tuple[str, str], float] = {}
    counts: dict[str, tuple[int, int]] = {}
    for request in reversed(diary):
        same = (request.method, request.key)
        if request.fault is None and request.status:
            answered[same] = request.at
        elif request.fault is not None:
            total, again = counts.get(request.fault, (0, 0))
            counts[request.fault] = (total + 1, again + (same in answered))
    return counts


def _read(client: Any, bucket: str, key: str) -> bytes:
    try:
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    except client.exceptions.NoSuchKey:
        return b""
