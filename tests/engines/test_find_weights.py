"""A name or a path leads to a file and its digest; what is missing, changed or for something else is said in a line."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.pipelines.engines.weights import find
from reelmend.pipelines.engines.weights.folder import read_records
from reelmend.pipelines.errors import ConfigError, SetupError


def put(folder: Path, content: bytes = b"weights", file: str = "raft-things.pth") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    return folder / file


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_name_leads_to_the_file_its_digest_and_its_licence(folder: Path) -> None:
    path = put(folder)
    found = find("raft-things", "raft")
    assert (found.path, found.sha256, found.name) == (path, sha256(b"weights"), "raft-things")
    assert found.licence == "BSD-3-Clause"


def test_a_missing_file_is_named_with_its_folder_and_both_ways_to_get_it(folder: Path) -> None:
    with pytest.raises(SetupError) as error:
        find("ProPainter", "generator")
    assert str(folder / "ProPainter.pth") in str(error.value)
    assert "reelmend weights pull ProPainter --accept-license" in str(error.value)
    assert "reelmend weights import PATH --as ProPainter" in str(error.value)


def test_a_name_of_another_network_is_refused_with_the_name_that_fits(folder: Path) -> None:
    put(folder)
    with pytest.raises(SetupError, match=r"for the network raft, not generator; use ProPainter"):
        find("raft-things", "generator")


def test_a_mistyped_name_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"weights propainter: .*did you mean ProPainter\?"):
        find("propainter", "generator")


def test_a_file_that_was_put_there_by_hand_may_be_replaced_by_hand(folder: Path) -> None:
    path = put(folder)
    find("raft-things", "raft")
    path.write_bytes(b"others")
    assert find("raft-things", "raft").sha256 == sha256(b"others")


def test_a_file_that_was_only_touched_is_found_and_recorded_anew(folder: Path) -> None:
    path = put(folder)
    find("raft-things", "raft")
    os.utime(path, ns=(1, 1))
    assert find("raft-things", "raft").sha256 == sha256(b"weights")
    assert read_records(folder)["raft-things.pth"].mtime_ns == 1


def test_a_file_that_was_not_written_since_is_not_hashed_again(folder: Path) -> None:
    """The record is trusted as long as size and time agree: what it says is returned, even where it is a lie."""
    put(folder)
    find("raft-things", "raft")
    records = json.loads((folder / "digests.json").read_text())
    records["raft-things.pth"]["sha256"] = "0" * 64
    (folder / "digests.json").write_text(json.dumps(records))
    assert find("raft-things", "raft").sha256 == "0" * 64


def test_a_folder_where_nothing_can_be_recorded_serves_its_files(folder: Path) -> None:
    """As a shared mount or an image may be; permissions would not stop root, a folder in the lock's place does."""
    put(folder)
    (folder / ".digests.json.lock").mkdir()
    assert find("raft-things", "raft").sha256 == sha256(b"weights")
    assert read_records(folder) == {}


def test_records_that_cannot_be_read_are_named(folder: Path) -> None:
    put(folder)
    (folder / "digests.json").write_text('{"raft-things.pth": ')
    with pytest.raises(SetupError, match=r"digests\.json: cannot be read .* delete it"):
        find("raft-things", "raft")


def test_a_path_leads_to_its_file_whatever_the_folder_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, b"mine", "mine.safetensors")
    found = find("mine.safetensors", "raft")
    assert (found.path, found.sha256) == (tmp_path / "mine.safetensors", sha256(b"mine"))
    assert (found.name, found.licence) == ("mine.safetensors", "unknown")
    put(tmp_path, b"mine, trained further", "mine.safetensors")
    assert find("mine.safetensors", "raft").sha256 == sha256(b"mine, trained further")


@pytest.mark.parametrize(("path", "reason"), [("no.pth", "No such file"), ("folder.pth", "Is a directory")])
def test_a_path_without_a_file_is_named_with_the_reason(
    path: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(SetupError, match=reason):
        find(path, "raft")


def test_without_a_setting_the_folder_is_in_the_users_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REELMEND_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put(folder)
    shutil.copytree(folder, tmp_path / "cache" / "reelmend" / "weights")
    assert find("raft-things", "raft").path == tmp_path / "cache" / "reelmend" / "weights" / "raft-things.pth"


def test_looking_for_weights_imports_neither_torch_nor_a_network_library() -> None:
    unwanted = {"torch", "requests", "boto3"}
    code = f"import sys, reelmend.pipelines.engines.weights; sys.exit(str({unwanted} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
