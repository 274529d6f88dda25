"""What does a person see who fetches weights? The licence first, then where the file is, or one line and a status."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from tests.engines.file_server import FileServer

KNOWN = "raft-things, recurrent_flow_completion, ProPainter, sam2.1-hiera-tiny"


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, ["weights", *words])


def rows(result: Result) -> dict[str, list[str]]:
    """The words of the table's lines by name."""
    return {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}


@pytest.fixture
def mirror(server: FileServer, raft_file: Path) -> str:
    server.files["/v1/raft-things.pth"] = raft_file.read_bytes()
    return f"{server.url}/v1/"


def test_the_list_says_what_is_here_and_where(mirror: str, folder: Path) -> None:
    assert "missing" in rows(type_in("list"))["raft-things"]
    type_in("pull", "raft-things", "--mirror", mirror, "--accept-license")
    listed = rows(type_in("list"))
    assert {"raft", "BSD-3-Clause", "present"} < set(listed["raft-things"])
    assert {"generator", "S-Lab", "missing"} < set(listed["ProPainter"])
    assert listed["folder"] == ["folder", str(folder)]
    (folder / "raft-things.pth").write_bytes(b"scribble")
    assert "changed" in rows(type_in("list"))["raft-things"]


def test_the_list_for_machines_holds_licences_and_digests(mirror: str, folder: Path) -> None:
    type_in("pull", "raft-things", "--mirror", mirror, "--accept-license")
    document = json.loads(type_in("list", "--json").stdout)
    assert document["folder"] == str(folder)
    raft, flow, *_ = document["weights"]
    assert (raft["name"], raft["state"], flow["state"]) == ("raft-things", "present", "missing")
    assert raft["found_sha256"] == raft["expected_sha256"] != ""
    assert flow["licence"]["name"] == "S-Lab License 1.0"
    assert flow["url"].endswith("/recurrent_flow_completion.pth")


@pytest.mark.parametrize("words", [["pull", "--all"], ["import", "x.pth", "--as", "ProPainter"]])
def test_without_accepting_the_licence_it_is_shown_and_nothing_is_done(
    words: list[str], server: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELMEND_WEIGHTS_MIRROR", server.url)
    result = type_in(*words)
    assert result.exit_code == 2
    assert "S-Lab License 1.0. It forbids any commercial use" in result.stdout
    assert result.stderr.count("\n") == 1
    assert "add --accept-license to accept it" in result.stderr
    assert server.asked == []
    assert not folder.exists()


def test_a_pull_shows_the_licence_and_then_where_the_file_is(
    mirror: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELMEND_WEIGHTS_MIRROR", mirror)
    result = type_in("pull", "raft-things", "--accept-license")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "raft-things: BSD-3-Clause" in result.stdout
    assert f"raft-things installed: {folder}/raft-things.pth (SHA-256 " in result.stdout


def test_a_line_that_keeps_breaking_is_status_3_and_the_same_command_goes_on(
    mirror: str, server: FileServer, folder: Path
) -> None:
    words = ["pull", "raft-things", "--mirror", mirror, "--accept-license"]
    server.cut_after = [10_000_000, 0, 0, 0, 0]
    broken = type_in(*words)
    assert broken.exit_code == 3
    assert "run the same command again to resume" in broken.stderr
    assert type_in(*words).exit_code == 0
    assert server.asked[-1]["Range"].startswith("bytes=99")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["pull"], f"no weights given: use names ({KNOWN}), or --all"),
        (["pull", "Propainter"], "weights Propainter: unknown name; did you mean ProPainter?"),
        (["verify", "sam"], f"weights sam: unknown name; there are {KNOWN}"),
        (
            ["import", "x.pth", "--as", "raft-thing"],
            "weights raft-thing: unknown name; did you mean raft-things?",
        ),
    ],
)
def test_a_mistake_is_one_line(words: list[str], line: str) -> None:
    result = type_in(*words)
    assert (result.exit_code, result.stderr, result.stdout) == (2, f"error: {line}\n", "")


def test_a_mirror_of_an_unknown_kind_is_status_2(folder: Path) -> None:
    result = type_in("pull", "raft-things", "--mirror", "ftp://example.org", "--accept-license")
    assert result.exit_code == 2
    assert "ftp://example.org/raft-things.pth: not a source of weights" in result.stderr
    assert not folder.exists()


def test_a_file_that_is_not_on_the_mirror_is_status_2(server: FileServer) -> None:
    result = type_in("pull", "ProPainter", "--mirror", server.url, "--accept-license")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"error: {server.url}/ProPainter.pth: the server answers 404" in result.stderr


def test_an_imported_file_is_verified(raft_file: Path, folder: Path) -> None:
    imported = type_in("import", str(raft_file), "--as", "raft-things", "--accept-license")
    assert imported.exit_code == 0
    assert f"raft-things installed: {folder}/raft-things.pth" in imported.stdout
    verified = type_in("verify")
    assert (verified.exit_code, verified.stdout) == (0, "raft-things  right\n")


def test_verifying_a_wrong_file_is_status_3_and_says_why(raft_file: Path, folder: Path) -> None:
    type_in("import", str(raft_file), "--as", "raft-things", "--accept-license")
    (folder / "raft-things.pth").write_bytes(raft_file.read_bytes()[:-1])
    result = type_in("verify")
    assert result.exit_code == 3
    assert "raft-things  wrong" in result.stdout
    document = json.loads(type_in("verify", "--json").stdout)
    assert document["right"] is False
    assert "the file has changed" in document["weights"][0]["problem"]


def test_verifying_an_empty_folder_says_that_nothing_is_here(folder: Path) -> None:
    result = type_in("verify")
    assert result.exit_code == 0
    assert f"no weights in {folder}" in result.stdout


@pytest.mark.parametrize("command", ["list", "pull", "verify", "import"])
def test_each_command_explains_itself_with_an_example(command: str) -> None:
    result = type_in(command, "--help")
    assert result.exit_code == 0
    assert f"Example: reelmend weights {command}" in " ".join(result.stdout.split())
