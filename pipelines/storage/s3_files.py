"""Objects of an S3 bucket: written by a single PUT or a completed multipart upload, so never partly."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.errors import ReelmendError, SetupError, StoreError
from reelmend.pipelines.storage.location import Entry, Location, RemotePath
from reelmend.pipelines.storage.range_reader import open_remote
from reelmend.pipelines.storage.remote_folder import copy_aside, upload
from reelmend.pipelines.storage.s3_client import NO_BUCKET, is_absent, make_client, translated
from reelmend.pipelines.storage.s3_download import Download
from reelmend.pipelines.storage.skip_scan import Page, scan
from reelmend.pipelines.storage.suffixes import is_image, is_video_file

log = logging.getLogger(__name__)

_PIECES_AT_ONCE = 4  # of one upload: an eighth of the connections of a process
_UPLOAD_ID = "reelmend-upload"
"""Metadata of an uploaded object: another value each time, so that a process knows its own."""


_KEYS_A_REQUEST = 1000
"""The most that S3 deletes at once."""


class S3Files:
    """Objects of any bucket that the process's credentials reach; see `reelmend.pipelines.storage.files.FileSystem`."""

    def __init__(self, config: S3Config) -> None:
        self._config = config
        self._known_buckets: set[str] = set()

    @cached_property
    def client(self) -> Any:
        return make_client(self._config)

    @cached_property
    def _transfer(self) -> TransferConfig:
        """10 000 pieces is the most that S3 takes; boto3 makes them larger for files that would have more."""
        piece = self._config.piece_bytes
        return TransferConfig(multipart_threshold=piece, multipart_chunksize=piece, max_concurrency=_PIECES_AT_ONCE)

    @property
    def _download(self) -> Download:
        return Download(self.client, self._config.attempts)

    def read(self, place: RemotePath) -> bytes | None:
        value = bytearray()
        return bytes(value) if self._download.whole(place, value.extend) else None

    def write(self, place: RemotePath, value: bytes) -> None:
        with translated(place):
            self.client.put_object(Bucket=place.bucket, Key=place.key, Body=value)

    def delete(self, place: RemotePath) -> None:
        with translated(place):
            self.client.delete_object(Bucket=place.bucket, Key=place.key)

    def delete_many(self, places: Sequence[RemotePath]) -> None:
        for start in range(0, len(places), _KEYS_A_REQUEST):
            named = places[start : start + _KEYS_A_REQUEST]
            with translated(named[0].parent):
                keys = [{"Key": place.key} for place in named]
                answer = self.client.delete_objects(Bucket=named[0].bucket, Delete={"Objects": keys, "Quiet": True})
            if answer.get("Errors"):
                said = answer["Errors"][0]
                raise StoreError(f"s3://{named[0].bucket}/{said['Key']}: cannot be deleted: {said['Code']}")

    def now(self, place: RemotePath) -> float:
        with translated(place):
            answer = self.client.list_objects_v2(Bucket=place.bucket, Prefix=_below(place), MaxKeys=1)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()

    def look(self, place: RemotePath) -> Entry | None:
        if not place.key:
            return None
        with translated(place):
            try:
                told = self.client.head_object(Bucket=place.bucket, Key=place.key)
            except ClientError as exc:
                if not is_absent(exc):
                    raise
                self._require_bucket(place)
                return None
        return _entry(place, told["ContentLength"], told)

    def look_many(self, places: Iterable[RemotePath]) -> dict[Location, Entry]:
        found: dict[Location, Entry] = {}
        by_bucket: dict[str, set[str]] = {}
        for place in places:
            by_bucket.setdefault(place.bucket, set()).add(place.key)
        for bucket, keys in by_bucket.items():
            found |= {RemotePath(bucket, key): entry for key, entry in scan(keys, partial(self._page, bucket))}
        return found

    def is_folder(self, place: RemotePath) -> bool:
        """What is called like a file is taken for one: else each of a million videos would cost a request."""
        if is_video_file(place) or is_image(place):
            return False
        with translated(place):
            answer = self.client.list_objects_v2(Bucket=place.bucket, Prefix=_below(place), MaxKeys=1)
        return bool(answer.get("Contents"))

    def children(self, folder: RemotePath) -> list[Entry]:
        entries: list[Entry] = []
        for page in self._pages(folder, Delimiter="/"):
            entries += _entries(folder.bucket, page)
            names = [said["Prefix"].rstrip("/") for said in page.get("CommonPrefixes", ())]
            entries += [Entry(RemotePath(folder.bucket, name), 0, "", 0.0, is_folder=True) for name in names]
        return sorted(entries, key=lambda entry: entry.place)

    def walk(self, folder: RemotePath) -> Iterator[Entry]:
        for page in self._pages(folder):
            yield from _entries(folder.bucket, page)

    def leftovers(self, folder: RemotePath) -> list[Entry]:
        """None: what is not whole is not there; pieces of uploads are `abort_uploads`' business."""
        return []

    def fetch(self, entry: Entry, target: Path) -> None:
        place = entry.place
        assert isinstance(place, RemotePath)
        with target.open("wb") as file:
            there = self._download.whole(place, file.write, entry.tag)
        if not there or target.stat().st_size != entry.size:
            raise StoreError(f"{place}: has changed since it was checked; run the same command again")

    def open(self, entry: Entry) -> BinaryIO:
        place, download = entry.place, self._download
        assert isinstance(place, RemotePath)
        return open_remote(entry.size, lambda start, stop: download.span(place, start, stop, entry.tag))

    def set_aside(self, place: RemotePath, target: RemotePath) -> RemotePath:
        kept: RemotePath = copy_aside(place, target, self._copy, self)
        return kept

    def publish(self, staged: Path, place: RemotePath) -> None:
        upload(staged, place, self._upload, self)

    def abort_uploads(self, folder: RemotePath, ours: Iterable[Location]) -> None:
        """Abort the multipart uploads in `folder` to the places `ours`, or inside of them; others' may be under way.

        `ours` is gone through only where there are any. Those that cannot be seen or aborted cost storage, not results.
        """
        try:
            with translated(folder):
                uploads = self._uploads_by_place(folder)
                for place in ours if uploads else ():
                    for named in uploads.pop(place, ()):
                        self.client.abort_multipart_upload(Bucket=folder.bucket, **named)
        except ReelmendError as exc:
            log.info("could not remove unfinished uploads: %s", exc)

    def _uploads_by_place(self, folder: RemotePath) -> dict[Location, list[dict[str, str]]]:
        """Return uploads by the object that they are to be, and by each folder around that."""
        uploads: dict[Location, list[dict[str, str]]] = defaultdict(list)
        pages = self.client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=folder.bucket, Prefix=_below(folder)):
            for told in page.get("Uploads", ()):
                place = folder.at(told["Key"])
                while place.key:
                    uploads[place].append({"Key": told["Key"], "UploadId": told["UploadId"]})
                    place = place.parent
        return uploads

    def _copy(self, source: RemotePath, target: RemotePath) -> None:
        """By the store itself; large ones in pieces."""
        with translated(source):
            self.client.copy(
                {"Bucket": source.bucket, "Key": source.key}, target.bucket, target.key, Config=self._transfer
            )

    def _upload(self, path: Path, place: RemotePath) -> None:
        """An upload that fails is aborted by the transfer manager: no piece of it stays.

        The answer to an upload's completion may be lost. Asked again, a store may say that there is no such
        upload; whether it was completed, the object's metadata tells.
        """
        mine = uuid4().hex
        described = {"Metadata": {_UPLOAD_ID: mine}}
        with translated(place):
            try:
                with path.open("rb") as file:
                    self.client.upload_fileobj(
                        file, place.bucket, place.key, ExtraArgs=described, Config=self._transfer
                    )
            except (ClientError, BotoCoreError):
                if not self._is_there(place, mine):
                    raise
            told = self.client.head_object(Bucket=place.bucket, Key=place.key)
        if told["ContentLength"] != path.stat().st_size:
            raise StoreError(f"{place}: {told['ContentLength']} of {path.stat().st_size} bytes arrived")

    def _is_there(self, place: RemotePath, upload: str) -> bool:
        try:
            told = self.client.head_object(Bucket=place.bucket, Key=place.key)
        except (ClientError, BotoCoreError):
            return False
        return bool(told["Metadata"].get(_UPLOAD_ID) == upload)

    def _pages(self, folder: RemotePath, **asked: str) -> Iterator[dict[str, Any]]:
        with translated(folder):
            pages = self.client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=folder.bucket, Prefix=_below(folder), **asked)

    def _page(self, bucket: str, after: str) -> Page:
        """Look at up to 1000 keys that sort behind `after`."""
        with translated(f"s3://{bucket}"):
            page = self.client.list_objects_v2(Bucket=bucket, StartAfter=after)
        keys = page.get("Contents")
        return _entries(bucket, page), keys[-1]["Key"] if keys and page["IsTruncated"] else None

    def _require_bucket(self, place: RemotePath) -> None:
        """Raise SetupError where it is the bucket that is not there, which an answer to HEAD does not tell."""
        if place.bucket in self._known_buckets:
            return
        try:
            self.client.head_bucket(Bucket=place.bucket)
        except ClientError as exc:
            if is_absent(exc):
                raise SetupError(f"{place}: NoSuchBucket: {NO_BUCKET}") from exc
            raise
        self._known_buckets.add(place.bucket)


def _below(folder: RemotePath) -> str:
    return f"{folder.key}/" if folder.key else ""


def _entries(bucket: str, page: dict[str, Any]) -> list[Entry]:
    """Keys that end in `/` stand for folders that were made by hand; they hold nothing."""
    return [
        _entry(RemotePath(bucket, told["Key"]), told["Size"], told)
        for told in page.get("Contents", ())
        if not told["Key"].endswith("/")
    ]


def _entry(place: RemotePath, size: int, told: dict[str, Any]) -> Entry:
    return Entry(place, size, told["ETag"].strip('"'), told["LastModified"].timestamp())
