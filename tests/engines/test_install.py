"""Only a file that is what its name says gets into the folder; it is recorded, and checked from there on."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from reelmend.core_model.checkpoint import load_checkpoint
from reelmend.core_model.networks.raft import Raft
from reelmend.pipelines.engines.weights import WeightFile, find, load_state
from reelmend.pipelines.engines.weights.find import State, look
from reelmend.pipelines.engines.weights.folder import locked, read_records
from reelmend.pipelines.engines.weights.install import pull, take_in, verify
from reelmend.pipelines.engines.weights.open import source_of
from reelmend.pipelines.engines.weights.registry import entry_of
from reelmend.pipelines.errors import ConfigError, SetupError
from tests.engines.file_server import FileServer

RAFT = entry_of("raft-things")


def pull_from(mirror: Path | str, folder: Path) -> WeightFile:
    return pull(RAFT, folder, source_of(RAFT, str(mirror)), lambda done, total: None)


def put(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / "raft-things.pth").write_bytes(content)
    return folder / "raft-things.pth"


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


@pytest.fixture
def another_raft(raft_state: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    """As raft-things, but trained a little further."""
    (tmp_path / "other").mkdir()
    changed = raft_state | {"module.fnet.conv1.bias": raft_state["module.fnet.conv1.bias"] + 1}
    torch.save(changed, tmp_path / "other" / "raft-things.pth")
    return tmp_path / "other" / "raft-things.pth"


def test_what_was_pulled_over_http_loads_into_the_network(
    server: FileServer, raft_file: Path, raft_state: dict[str, torch.Tensor], folder: Path
) -> None:
    server.files["/raft-things.pth"] = raft_file.read_bytes()
    server.cut_after = [5_000_000]
    pulled = pull_from(server.url, folder)
    assert pulled == find("raft-things", "raft")
    assert pulled.sha256 == hashlib.sha256(raft_file.read_bytes()).hexdigest()
    assert visible(folder) == {"raft-things.pth", "digests.json"}
    network = Raft()
    load_checkpoint(network, load_state(pulled))
    assert torch.equal(network.fnet.conv1.weight, raft_state["module.fnet.conv1.weight"])


def test_a_record_says_what_was_accepted_and_where_the_file_came_from(raft_file: Path, folder: Path) -> None:
    pulled = pull_from(raft_file.parent, folder)
    record = read_records(folder)["raft-things.pth"]
    assert (record.sha256, record.accepted_licence, record.origin) == (pulled.sha256, "BSD-3-Clause", str(raft_file))


def test_what_is_there_is_not_fetched_again(server: FileServer, raft_file: Path, folder: Path) -> None:
    server.files["/raft-things.pth"] = raft_file.read_bytes()
    assert pull_from(server.url, folder) == pull_from(server.url, folder)
    assert len(server.asked) == 1


def test_accepting_the_licence_of_a_file_that_was_put_there_is_recorded(raft_file: Path, folder: Path) -> None:
    put(folder, raft_file.read_bytes())
    find("raft-things", "raft")
    assert read_records(folder)["raft-things.pth"].accepted_licence == ""
    pull_from("/nowhere", folder)
    assert read_records(folder)["raft-things.pth"].accepted_licence == "BSD-3-Clause"


def test_a_wrong_file_that_was_put_there_pins_nothing(raft_file: Path, folder: Path) -> None:
    wrong = put(folder, b"put there by hand, and wrong")
    find("raft-things", "raft")
    with pytest.raises(SetupError, match=r"not a PyTorch file.*; delete it, then pull"):
        pull_from(raft_file.parent, folder)
    wrong.unlink()
    assert pull_from(raft_file.parent, folder) == find("raft-things", "raft")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<html>Sign in to the mirror</html>", "not weights: not a PyTorch file"),
        ({"fnet.conv1.weight": torch.zeros(1)}, r"not a checkpoint of Raft: 178 missing: .*; 1 of another shape"),
    ],
)
def test_a_wrong_file_is_refused_by_where_it_came_from_and_nothing_stays(
    content: bytes | dict[str, torch.Tensor], what: str, server: FileServer, folder: Path, tmp_path: Path
) -> None:
    if isinstance(content, dict):
        torch.save(content, tmp_path / "wrong.pth")
        content = (tmp_path / "wrong.pth").read_bytes()
    server.files["/raft-things.pth"] = content
    with pytest.raises(SetupError, match=rf"{server.url}/raft-things\.pth: {what}"):
        pull_from(server.url, folder)
    assert visible(folder) == set()


def test_another_file_than_the_recorded_one_is_refused_until_the_record_goes(
    raft_file: Path, another_raft: Path, folder: Path
) -> None:
    first = pull_from(raft_file.parent, folder)
    first.path.unlink()
    attempts: tuple[Callable[[], WeightFile], ...] = (
        lambda: pull_from(another_raft.parent, folder),
        lambda: take_in(another_raft, RAFT, folder),
    )
    for attempt in attempts:
        with pytest.raises(SetupError, match=rf"expected {first.sha256}; .*delete the record of the other"):
            attempt()
    assert not first.path.exists()
    (folder / "digests.json").unlink()
    assert take_in(another_raft, RAFT, folder).sha256 != first.sha256


def test_a_pulled_file_that_changed_is_not_used(raft_file: Path, another_raft: Path, folder: Path) -> None:
    pulled = pull_from(raft_file.parent, folder)
    pulled.path.write_bytes(another_raft.read_bytes())
    with pytest.raises(SetupError) as error:
        find("raft-things", "raft")
    for word in (pulled.sha256, hashlib.sha256(another_raft.read_bytes()).hexdigest(), "digests.json"):
        assert word in str(error.value)


def test_a_changed_file_is_replaced_by_the_right_one(raft_file: Path, folder: Path) -> None:
    first = pull_from(raft_file.parent, folder)
    first.path.write_bytes(b"scribble")
    assert pull_from(raft_file.parent, folder) == first
    assert first.path.read_bytes() == raft_file.read_bytes()


def test_a_file_the_user_has_is_copied_and_recorded(raft_file: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "downloaded (1).pth").write_bytes(raft_file.read_bytes())
    taken = take_in(tmp_path / "downloaded (1).pth", RAFT, folder)
    assert taken == find("raft-things", "raft")
    assert (tmp_path / "downloaded (1).pth").exists()
    assert read_records(folder)["raft-things.pth"].origin == str(tmp_path / "downloaded (1).pth")


def test_a_file_of_another_network_is_not_taken_in(raft_file: Path, folder: Path) -> None:
    with pytest.raises(SetupError, match=r"raft-things\.pth: not a checkpoint of FlowCompletion: .* missing: down"):
        take_in(raft_file, entry_of("recurrent_flow_completion"), folder)
    assert visible(folder) == set()


@pytest.mark.parametrize(
    ("path", "error", "what"),
    [
        ("no.pth", SetupError, r"no\.pth: cannot be copied \(No such file"),
        ("raft.safetensors", ConfigError, "to use a file of another format, set its path"),
    ],
)
def test_a_path_that_cannot_be_taken_in_is_named(
    path: str, error: type[ConfigError] | type[SetupError], what: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=what):
        take_in(tmp_path / path, RAFT, folder)


def test_two_pulls_of_one_file_do_not_mix(raft_file: Path, folder: Path) -> None:
    folder.mkdir()
    with (
        locked(folder / ".raft-things.pth.lock", wait=False),
        pytest.raises(SetupError, match="another process is writing it"),
    ):
        pull_from(raft_file.parent, folder)
    assert pull_from(raft_file.parent, folder).path.exists()


def test_a_folder_that_takes_no_files_is_named(raft_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    with pytest.raises(SetupError, match=r"file/weights: not writable .*REELMEND_WEIGHTS"):
        pull_from(raft_file.parent, tmp_path / "file" / "weights")


def test_verifying_looks_at_the_content_where_size_and_time_say_nothing(raft_file: Path, folder: Path) -> None:
    pulled = pull_from(raft_file.parent, folder)
    assert verify(RAFT, folder).problem == ""
    stat = pulled.path.stat()
    damaged = bytearray(raft_file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    with pulled.path.open("r+b") as file:
        file.write(damaged)
    os.utime(pulled.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert look(RAFT, folder).state is State.PRESENT
    assert pulled.sha256 in verify(RAFT, folder).problem


def test_verifying_reads_a_file_that_nothing_is_known_of(folder: Path) -> None:
    put(folder, b"put there by hand, and wrong")
    assert "not a PyTorch file" in verify(RAFT, folder).problem
    assert "is missing" in verify(entry_of("ProPainter"), folder).problem
