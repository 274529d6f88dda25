"""The same folder three times: on the disk, in a bucket of S3, in a store that fsspec reaches."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.forecast.headers import end_idle
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location, RemotePath
from tests.storage import gs_on_disk


@pytest.fixture
def files() -> Files:
    return Files(S3Config(attempts=2))


@pytest.fixture
def gs_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemotePath]:
    """A new bucket behind gs://, for the processes that a run starts as well: as of a package that is installed."""
    monkeypatch.setenv(gs_on_disk.FOLDER, str(tmp_path / "gs"))
    package = tmp_path / "packages/gs_on_disk-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: gs-on-disk\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[fsspec.specs]\ngs = gs_on_disk.GsOnDisk\n")
    known = [str(package.parent), str(Path(gs_on_disk.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(known))
    end_idle()  # processes that have started know nothing of it
    yield RemotePath("bucket", "", "gs")
    end_idle()


@pytest.fixture(params=["file", "s3", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """An empty folder."""
    if request.param == "file":
        return tmp_path / "folder"
    if request.param == "gs":
        gs_bucket: RemotePath = request.getfixturevalue("gs_bucket")
        return gs_bucket / "some/folder"
    return RemotePath(request.getfixturevalue("bucket"), "some/folder")
