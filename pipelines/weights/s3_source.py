"""How does a file come from an object store, from the byte on that is missing?

Credentials, region and endpoint (AWS_ENDPOINT_URL) are found as every AWS client finds them.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from pipelines.errors import SetupError, StoreError
from pipelines.weights.source import CHUNK_BYTES, Body

_MAY_PASS = {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504"}
_CHANGED = {"PreconditionFailed", "InvalidRange", "412", "416"}
_NOT_SET_UP = (
    NoCredentialsError,
    PartialCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ParamValidationError,
)
_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})  # the transfer tries again


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
        try:
            answer = self._get(offset, validator)
            with closing(answer["Body"]) as stream:
                yield _body(answer, stream)
        except ClientError as exc:
            error = exc.response["Error"]
            what = f"{self.name}: {error['Code']}: {error.get('Message', '')}"
            if error["Code"] in _MAY_PASS:
                raise StoreError(what) from exc
            raise SetupError(f"{what}; are bucket, prefix and credentials right?") from exc
        except _NOT_SET_UP as exc:
            first_line = str(exc).splitlines()[0]
            raise SetupError(
                f"{self.name}: {first_line}; are address, credentials (AWS_...) and region right?"
            ) from exc
        except BotoCoreError as exc:
            raise StoreError(f"{self.name}: {exc}") from exc

    def _get(self, offset: int, validator: str) -> dict[str, Any]:
        try:
            client = boto3.Session().client("s3", config=_CONFIG)
        except ValueError as exc:
            raise SetupError(f"{self.name}: {exc}; is AWS_ENDPOINT_URL right?") from exc
        whole = {"Bucket": self.bucket, "Key": self.key}
        if offset and validator:
            try:
                answer: dict[str, Any] = client.get_object(**whole, Range=f"bytes={offset}-", IfMatch=validator)
                return answer
            except ClientError as exc:
                if exc.response["Error"]["Code"] not in _CHANGED:
                    raise
        whole_answer: dict[str, Any] = client.get_object(**whole)
        return whole_answer


def _body(answer: dict[str, Any], stream: Any) -> Body:
    span, _, total = answer.get("ContentRange", "").removeprefix("bytes ").partition("/")
    start = int(span.partition("-")[0]) if span else 0
    length = int(total) if total.isdigit() else answer["ContentLength"] + start
    return Body(start, length, answer.get("ETag", ""), stream.iter_chunks(CHUNK_BYTES))
