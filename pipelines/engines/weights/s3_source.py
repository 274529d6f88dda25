"""Download from an object store, from the first missing byte.

Credentials, region and endpoint (AWS_ENDPOINT_URL) are found as every AWS client finds them.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.engines.weights.source import CHUNK_BYTES, Body
from reelmend.pipelines.storage.s3_client import has_changed, make_client, translated


@dataclass(frozen=True)
class S3Source:
    """An object of a bucket."""

    bucket: str
    key: str

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @contextmanager
    def open(self, offset: int, validator: str) -> Iterator[Body]:
        with translated(self.name):
            answer = self._get(offset, validator)
            with closing(answer["Body"]) as stream:
                yield _body(answer, stream)

    def _get(self, offset: int, validator: str) -> dict[str, Any]:
        client = make_client(S3Config(attempts=1))  # the transfer tries again
        whole = {"Bucket": self.bucket, "Key": self.key}
        if offset and validator:
            try:
                answer: dict[str, Any] = client.get_object(**whole, Range=f"bytes={offset}-", IfMatch=validator)
                return answer
            except ClientError as exc:
                if not has_changed(exc):
                    raise
        whole_answer: dict[str, Any] = client.get_object(**whole)
        return whole_answer


def _body(answer: dict[str, Any], stream: Any) -> Body:
    span, _, total = answer.get("ContentRange", "").removeprefix("bytes ").partition("/")
    start = int(span.partition("-")[0]) if span else 0
    length = int(total) if total.isdigit() else answer["ContentLength"] + start
    return Body(start, length, answer.get("ETag", ""), stream.iter_chunks(CHUNK_BYTES))
