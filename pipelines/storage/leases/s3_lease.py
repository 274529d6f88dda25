"""Lease in an S3 bucket, by conditional writes (`If-Match`, `If-None-Match`).

So of two writers one is told. An answer carries both the time of writing and the present time.
"""

from email.utils import parsedate_to_datetime

from botocore.exceptions import ClientError, ReadTimeoutError

from reelmend.pipelines.storage.leases.lease_object import Found
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.s3_client import has_changed, is_absent, translated
from reelmend.pipelines.storage.s3_download import BROKE_OFF
from reelmend.pipelines.storage.s3_files import S3Files

_TRIES = 5
"""Times the object is asked for again when the answer broke off."""


class S3LeaseObject:
    """See `reelmend.pipelines.storage.leases.lease_object.LeaseObject`."""

    sure = True

    def __init__(self, place: RemotePath, files: S3Files) -> None:
        self._place, self._files = place, files

    def look(self) -> Found | None:
        with translated(self._place):
            for attempt in range(1, _TRIES + 1):
                try:
                    return self._read()
                except ReadTimeoutError:  # the client has tried again, and a lease cannot wait for long
                    raise
                except BROKE_OFF:
                    if attempt == _TRIES:
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def write(self, text: str, tag: str) -> str | None:
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        with translated(self._place):
            try:
                answer = self._files.client.put_object(
                    Bucket=self._place.bucket, Key=self._place.key, Body=text.encode(), **condition
                )
            except ClientError as exc:
                if has_changed(exc) or is_absent(exc):
                    return None
                raise
        return str(answer["ETag"])

    def _read(self) -> Found | None:
        try:
            answer = self._files.client.get_object(Bucket=self._place.bucket, Key=self._place.key)
        except ClientError as exc:
            if is_absent(exc):
                return None
            raise
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age_s = (now - answer["LastModified"]).total_seconds()
        return Found(answer["Body"].read().decode(errors="replace"), answer["ETag"], age_s)
