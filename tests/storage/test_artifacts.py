"""The store: whole or not there, and what is damaged is noticed."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.artifacts import Store, get_or_make
from reelmend.pipelines.storage.files import Files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Store:
    return Store(root, Files())


def test_what_was_put_is_read_back_and_listed(store: Store) -> None:
    store.put("flow/ab/one", b"value")
    assert store.get("flow/ab/one") == b"value"
    assert store.exists("flow/ab/one")
    assert [key for key, _ in store.list("flow")] == ["flow/ab/one"]


def test_an_absent_key_is_none(store: Store) -> None:
    assert store.get("parts/none") is None
    assert not store.exists("parts/none")


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:40] + b"x" + b[41:], lambda b: b + b"x"]
)
def test_a_damaged_object_is_deleted_and_made_again(store: Store, root: Path, damage: Callable[[bytes], bytes]) -> None:
    store.put("key", b"some value that is long enough")
    path = root / "key"
    path.write_bytes(damage(path.read_bytes()))
    assert store.get("key") is None
    assert not path.exists()
    assert get_or_make(store, "key", lambda: b"new") == (b"new", False)
    assert get_or_make(store, "key", lambda: b"newer") == (b"new", True)


def test_an_object_under_anothers_name_is_noticed(store: Store, root: Path) -> None:
    """Two files that were swapped by whoever copied the store, or one that was put in another one's place."""
    store.put("parts/ab/one", b"pixels of one video")
    store.put("parts/cd/two", b"pixels of another one")
    one, two = root / "parts/ab/one", root / "parts/cd/two"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert (store.get("parts/ab/one"), store.get("parts/cd/two")) == (None, None)
    assert not one.exists()


def test_a_store_that_was_moved_whole_is_as_good(store: Store, root: Path, tmp_path: Path) -> None:
    store.put("parts/ab/one", b"pixels")
    root.rename(tmp_path / "elsewhere")
    assert Store(tmp_path / "elsewhere", Files()).get("parts/ab/one") == b"pixels"


def test_a_reader_never_sees_half_an_object(store: Store) -> None:
    values = [bytes([n]) * 200_000 for n in range(2)]
    store.put("key", values[0])
    done = threading.Event()

    def write() -> None:
        for n in range(60):
            store.put("key", values[n % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert store.get("key") in values
    writer.join()
    assert [key for key, _ in store.list("")] == ["key"], "no staged file is left behind"


def test_a_place_that_takes_no_files_is_a_store_error_that_names_it(store: Store, root: Path) -> None:
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"cannot write .*store/key"):
        store.put("key", b"value")
