"""An output appears whole, whoever else writes it, and what killed processes left does not stay."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.staging import staged

HOLD = """
import sys
from pathlib import Path
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.storage.files import Files
with staged(Path(sys.argv[1]), Files(), Path()) as path:
    path.write_text("half")
    print("staged", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "clip.mkv"


def write(output: Path, text: str, and_then: Callable[[], object] = str) -> None:
    with staged(output, Files(), output.parent / "cache") as path:
        assert not output.exists() or output.read_text() != text
        path.write_text(text)
        and_then()


def test_an_output_is_not_there_until_it_is_finished_and_nothing_else_is_afterwards(output: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(output, "half", and_then=(output / "not there").read_text)
    assert list(output.parent.iterdir()) == []
    write(output, "whole")
    assert [path.name for path in output.parent.iterdir()] == ["clip.mkv"]


def test_two_that_write_the_same_output_do_not_disturb_each_other(output: Path) -> None:
    with staged(output, Files(), output) as path:
        path.write_text("first, ")
        write(output, "second")
        assert output.read_text() == "second"
        with path.open("a") as file:
            file.write("whole")
    assert output.read_text() == "first, whole"
    assert [path.name for path in output.parent.iterdir()] == ["clip.mkv"]


def test_what_a_killed_writer_left_is_removed_by_the_next_and_not_before(output: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "staged\n"
        write(output, "whole")
        assert len(list(output.parent.rglob("clip.mkv"))) == 2, "the other one still writes"
        other.kill()
    write(output, "again")
    assert [path.name for path in output.parent.iterdir()] == ["clip.mkv"]
