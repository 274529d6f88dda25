"""A URL of a bucket says of itself what a path says, under the same names."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.location import SCHEMES, Location, RemotePath, join, location_of

NAMES = ["in/a.mp4", "in/deep/a.tar.gz", "in/.hidden", "in/folder", "in/frame 1#2?.png"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_url_has_the_parts_of_a_path(name: str, scheme: str) -> None:
    path, url = Path("/b") / name, location_of(f"{scheme}://b/{name}")
    for part in ("name", "stem", "suffix"):
        assert getattr(url, part) == getattr(path, part)
    changed: list[Callable[[Location], Location]] = [
        lambda p: p.parent,
        lambda p: p.with_name("x.png"),
        lambda p: p / "y/z",
    ]
    for change in changed:
        assert str(change(url)) == f"{scheme}:/{change(path)}"


def test_a_url_is_read_and_written_the_same_and_travels() -> None:
    url = location_of("s3://bucket/some/prefix/")
    assert url == RemotePath("bucket", "some/prefix")
    assert location_of(str(url)) == url == pickle.loads(pickle.dumps(url))
    assert str(location_of("s3://bucket") / "./a.mp4") == "s3://bucket/a.mp4"


def test_paths_and_file_urls_are_paths() -> None:
    assert location_of("in/a.mp4") == Path("in/a.mp4")
    assert location_of("file:///data/a.mp4") == Path("/data/a.mp4")


def test_relative_names_start_at_their_folder_and_others_do_not() -> None:
    base = location_of("s3://b/in")
    assert str(join(base, "a.mp4")) == "s3://b/in/a.mp4"
    assert join(base, "/data/a.mp4") == Path("/data/a.mp4")
    assert str(join(Path("here"), "s3://c/a.mp4")) == "s3://c/a.mp4"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://b/x", "ftp:// is not supported; use a path, file://, s3://BUCKET/PREFIX, or gs://, az://"),
        ("http://169.254.169.254/x", "http:// is not supported"),
        ("memory://b/x", "memory:// is not supported"),
        ("gs:///x", "has no bucket; use gs://"),
        ("s3:///x", "has no bucket"),
        ("file://host/x", "a file of this machine"),
    ],
)
def test_what_cannot_be_reached_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        location_of(text)
