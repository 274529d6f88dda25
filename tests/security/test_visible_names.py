"""What a name holds is shown, never done: no terminal is steered by it, no line of a log forged."""

import io
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.cli.screen import VisibleConsole
from reelmend.pipelines.utils.logs import JsonLines, LogLine, TextLines
from reelmend.pipelines.utils.text import visible, visible_json
from tests.clips import write_clip, write_mask_image

ACTING = [
    *("\x1b[2J", "\r", "\n", "\x07", "\x7f", "\x9b2J", "\x85"),  # C0, DEL, C1
    *("\u202e", "\u2066", "\u200f", "\u061c"),  # direction
    *("\u2028", "\u2029"),  # separators
]


def acts(text: str) -> bool:
    return visible(text) != text


@pytest.mark.parametrize("acting", ACTING)
def test_a_log_line_is_one_line_and_shows_what_it_holds(acting: str) -> None:
    line = LogLine(f"no {acting}such file", item=f"a{acting}b")
    for record in (
        logging.LogRecord("x", logging.WARNING, "x.py", 1, line, (), None),
        logging.LogRecord("x", logging.WARNING, "x.py", 1, "%s", (f"a{acting}b",), None),
    ):
        text = TextLines("%(levelname)s %(message)s").format(record)
        assert not acts(text)
        assert len(text.splitlines()) == 1
        machine = JsonLines().format(record)
        assert not acts(machine)
    assert (
        json.loads(JsonLines().format(logging.LogRecord("x", 30, "x.py", 1, line, (), None)))["item"] == f"a{acting}b"
    )


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("a\x1b[2Jb")
    except ValueError as exc:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), (type(exc), exc, exc.__traceback__))
    lines = TextLines("%(message)s").format(record).splitlines()
    assert lines[0] == "failed"
    assert lines[-1] == "ValueError: a\\x1b[2Jb"


@pytest.mark.parametrize("acting", ACTING)
def test_a_terminal_shows_what_a_name_holds(acting: str) -> None:
    file = io.StringIO()
    screen = VisibleConsole(file=file, force_terminal=True, color_system=None, width=100)
    table = Table.grid()
    table.add_row(Text(f"a{acting}b", "red"))
    for shown in (f"a{acting}b", Text(f"a{acting}b"), table, Panel(f"a{acting}b")):
        screen.print(shown, markup=False)
    assert not acts(file.getvalue().replace("\n", ""))


def test_its_own_colours_stay() -> None:
    file = io.StringIO()
    VisibleConsole(file=file, force_terminal=True, color_system="standard").print(Text("bad", "red"))
    assert file.getvalue() == "\x1b[31mbad\x1b[0m\n"


@given(st.text())
def test_json_stays_what_it_is(text: str) -> None:
    document = visible_json(json.dumps({"name": text}, ensure_ascii=False, indent=1))
    assert json.loads(document) == {"name": text}
    assert not acts(document.replace("\n", ""))


@given(st.text())
def test_visible_text_is_visible_and_stays_as_it_is(text: str) -> None:
    assert not acts(visible(text))
    assert visible(visible(text)) == visible(text)


def test_a_whole_run_over_such_names_writes_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("good", "a\u202egpj.", "b\x1b[2J", "c\u2028d", "e\x9bf"):
        write_clip(Path("in") / f"{name}.mkv", frames=2, audio=False)
    (tmp_path / "in" / "note\x1b[2J.txt").touch()
    write_mask_image(tmp_path / "m.png", np.eye(64, 96, dtype=np.bool_))
    words = ["--videos", "in", "--masks", "m.png", "--out", "out", "run.executor=inline", "plan.shots=false"]
    result = CliRunner().invoke(app, ["run", *words])
    assert result.exit_code == 3
    assert "2 restored" in result.stdout, "a mark of direction is odd, but a name"
    shown = result.stdout + result.stderr
    assert not acts(shown.replace("\n", "")), [line for line in shown.split("\n") if acts(line)]
    assert "\\u202e" in shown


@pytest.mark.parametrize("words", [["run", "no\x1b[2Jjob.yaml"], ["status", "a\u2028b"]])
def test_an_error_shows_what_a_name_holds(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "\\x1b[2J" in result.stderr or "\\u20" in result.stderr
    assert not acts((result.stdout + result.stderr).replace("\n", ""))
