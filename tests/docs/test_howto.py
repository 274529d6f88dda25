"""Every command of the how-to pages, on footage that has what the page removes: subtitles, a logo, a van, scratches."""

from pathlib import Path

import pytest

from benchmarks.howto.__main__ import SHOWN
from benchmarks.howto.footage import MAKERS, write_footage
from tests.docs.blocks import ROOT, blocks_of
from tests.docs.test_commands import type_in


@pytest.mark.slow
@pytest.mark.parametrize("page", list(MAKERS))
def test_a_page_does_what_it_says_on_footage_that_needs_it(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page in ("remove-subtitles", "remove-a-timestamp"):
        pytest.importorskip("rapidocr")
    write_footage(page, tmp_path, frames=75 if page == "remove-a-person" else 24)  # it names a time
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(f"docs/how-to/{page}.md"):
        if block.language == "python":
            exec(compile(block.text, block.page, "exec"), {})
        for line in block.commands if block.language == "sh" else []:
            type_in(line, "run.executor=inline")


@pytest.mark.parametrize("page", list(SHOWN))
def test_a_page_shows_its_picture_and_the_command_that_made_it(page: str) -> None:
    text = (ROOT / f"docs/how-to/{page}.md").read_text()
    assert f"](../pictures/{page}.jpg)" in text
    assert (ROOT / f"docs/pictures/{page}.jpg").exists()
    masks, settings, _ = SHOWN[page]
    commands = [line for line in text.splitlines() if line.startswith("reelmend run")]
    said = [f"--masks {masks} ", f"--masks '{masks}'"] if masks else ["mode=outpaint"]
    assert any(any(one in line for one in said) and all(key in line for key in settings) for line in commands)
