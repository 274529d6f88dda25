"""An object store is a mirror: moto's server in a process of its own, asked through boto3 as any other."""

from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from reelmend.pipelines.engines.weights.open import source_of
from reelmend.pipelines.engines.weights.registry import entry_of
from reelmend.pipelines.engines.weights.source import CHUNK_BYTES, Source
from reelmend.pipelines.engines.weights.transfer import fetch
from reelmend.pipelines.errors import SetupError, StoreError

CONTENT = np.random.default_rng(3).bytes(4 * CHUNK_BYTES + 5)
CHANGED = np.random.default_rng(4).bytes(4 * CHUNK_BYTES + 5)
MIRROR = "s3://models/video/v1"


@pytest.fixture
def models(s3_credentials: None) -> Any:
    bucket = boto3.resource("s3").create_bucket(Bucket="models")
    bucket.put_object(Key="video/v1/raft-things.pth", Body=CONTENT)
    return bucket


@pytest.fixture
def source(models: Any) -> Source:
    return source_of(entry_of("raft-things"), MIRROR)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "raft-things.pth.part"


class Interrupted(Exception):
    """Stands for Ctrl-C."""


def interrupt_after_a_chunk(here: int, total: int | None) -> None:
    if here:
        raise Interrupted


def test_a_file_comes_whole_from_an_object_store(source: Source, part: Path) -> None:
    fetch(source, part, lambda here, total: None)
    assert part.read_bytes() == CONTENT
    assert source.name == f"{MIRROR}/raft-things.pth"


def test_an_interrupted_transfer_goes_on_where_it_stopped(source: Source, part: Path) -> None:
    with pytest.raises(Interrupted):
        fetch(source, part, interrupt_after_a_chunk)
    said = []
    fetch(source, part, lambda here, total: said.append((here, total)))
    assert part.read_bytes() == CONTENT
    assert said[0] == (CHUNK_BYTES, len(CONTENT))


def test_an_object_that_changed_meanwhile_is_fetched_anew(source: Source, part: Path, models: Any) -> None:
    with pytest.raises(Interrupted):
        fetch(source, part, interrupt_after_a_chunk)
    models.put_object(Key="video/v1/raft-things.pth", Body=CHANGED)
    fetch(source, part, lambda here, total: None)
    assert part.read_bytes() == CHANGED


@pytest.mark.parametrize(
    ("mirror", "what"), [("s3://models/elsewhere", "NoSuchKey"), ("s3://no-such-bucket", "NoSuchBucket")]
)
def test_a_missing_object_or_bucket_is_named(mirror: str, what: str, models: Any, part: Path) -> None:
    with pytest.raises(SetupError, match=rf"{mirror}/raft-things\.pth: {what}"):
        fetch(source_of(entry_of("raft-things"), mirror), part, lambda here, total: None)


@pytest.mark.parametrize("mirror", ["s3://NotABucket!/x"])
def test_a_name_that_no_bucket_has_is_refused_in_one_line(mirror: str, models: Any, part: Path) -> None:
    with pytest.raises(SetupError) as error:
        fetch(source_of(entry_of("raft-things"), mirror), part, lambda here, total: None)
    assert len(str(error.value).splitlines()) == 1


def test_missing_credentials_are_said(models: Any, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SetupError, match=r"Unable to locate credentials.*are address, credentials"):
        fetch(source_of(entry_of("raft-things"), MIRROR), part, lambda here, total: None)


def test_an_endpoint_that_does_not_answer_may_answer_another_time(
    source: Source, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9.*run the same command again to resume"):
        fetch(source, part, lambda here, total: None)


def test_an_endpoint_that_is_no_address_is_said(source: Source, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(SetupError, match="AWS_ENDPOINT_URL right"):
        fetch(source, part, lambda here, total: None)
