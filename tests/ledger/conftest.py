"""A ledger on the disk, and one in a bucket."""

from pathlib import Path

import pytest

from reelmend.pipelines.storage.location import Location, RemotePath


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where a ledger may be written."""
    if request.param == "file":
        return tmp_path / "out/_reelmend/ledger"
    return RemotePath(request.getfixturevalue("bucket"), "out/_reelmend/ledger")
