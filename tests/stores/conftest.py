"""The same folder twice: one on the disk, one in a bucket."""

from pathlib import Path

import pytest

from pipelines.config import S3Config
from pipelines.stores.files import Files
from pipelines.stores.location import Location, RemotePath


@pytest.fixture
def files() -> Files:
    return Files(S3Config(attempts=2))


@pytest.fixture(params=["file", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """An empty folder."""
    if request.param == "file":
        return tmp_path / "folder"
    return RemotePath(request.getfixturevalue("bucket"), "some/folder")
