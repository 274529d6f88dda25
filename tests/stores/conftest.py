"""The same folder three times: on the disk, in a bucket of S3, in a store that fsspec reaches."""

from pathlib import Path

import gs_on_disk
import pytest

from pipelines.config import S3Config
from pipelines.stores.files import Files
from pipelines.stores.location import Location, RemotePath


@pytest.fixture
def files() -> Files:
    return Files(S3Config(attempts=2))


@pytest.fixture
def gs_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    """A new bucket behind gs://."""
    monkeypatch.setenv(gs_on_disk.FOLDER, str(tmp_path / "gs"))
    return RemotePath("bucket", "", "gs")


@pytest.fixture(params=["file", "s3", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """An empty folder."""
    if request.param == "file":
        return tmp_path / "folder"
    if request.param == "gs":
        return request.getfixturevalue("gs_bucket") / "some/folder"
    return RemotePath(request.getfixturevalue("bucket"), "some/folder")
