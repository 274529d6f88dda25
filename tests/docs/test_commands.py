"""Every command that the documentation shows is run here, or says what it needs and is looked up."""

import ast
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from tests.clips import moving_box, write_clip, write_mask_image
from tests.docs.blocks import MEASURED, PAGES, blocks_of, inline_commands, shell_blocks
from tests.docs.known_commands import unknown

LANGUAGES = {"sh", "yaml", "json", "text", "python", "toml"}
RUN = [page for page in PAGES if any(not block.mark for block in shell_blocks(page))]
GETTING_STARTED = ["README.md", "docs/index.md"]
"""One walk: the second page says the first steps again."""
WALKS = [GETTING_STARTED, *([page] for page in RUN if page not in GETTING_STARTED)]
AFTER_A_RUN = {"docs/ledger.md"}
"""Pages whose first command looks at a run that the reader has done."""

JOB = """
input:
  videos: [in/*.mp4]
  masks: masks/{stem}_mask.png
out: restored
"""


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has who tries the commands: two short clips, their masks, a job, a manifest."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "in").mkdir()
    for name in ("clip_0042", "reel"):
        write_clip(folder / "in" / f"{name}.mp4", frames=3, size=(64, 48))
        for mask in (f"masks/{name}.png", f"masks/{name}_mask.png"):
            write_mask_image(folder / mask, moving_box(1, (64, 48))[0])
    write_mask_image(folder / "mask.png", moving_box(1, (64, 48))[0])
    shutil.copytree(folder / "in", folder / "few")
    rows = {"video": ["in/clip_0042.mp4", "in/reel.mp4"], "mask": ["mask.png", "mask.png"]}
    for name in ("clips.parquet", "all.parquet"):
        parquet.write_table(pa.table(rows), folder / name)
    (folder / "job.yaml").write_text(JOB)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def reader(footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "worker_context"
    shutil.copytree(footage, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("REELMEND_WEIGHTS", str(tmp_path / "no-weights"))
    return folder


def type_in(line: str, *more: str) -> None:
    """As a reader does; other programs than reelmend in a shell."""
    words = shlex.split(line, comments=True)
    if words[0] == "reelmend":
        words = words[: words.index(">")] if ">" in words else words  # what a shell does with its output
        done = CliRunner().invoke(app, [*words[1:], *more] if words[1] == "run" else words[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
    else:
        shell = subprocess.run(["bash", "-ec", line], capture_output=True, text=True, timeout=60, check=False)
        assert shell.returncode == 0, f"{line}\n{shell.stdout}{shell.stderr}"


@pytest.mark.ray
@pytest.mark.parametrize("pages", WALKS, ids=lambda pages: pages[0])
def test_the_commands_of_a_page_do_what_a_reader_types_them_for(
    pages: list[str], reader: Path, on_cluster: str, s3_credentials: None
) -> None:
    if AFTER_A_RUN & {*pages}:
        type_in("reelmend run job.yaml run.executor=inline")
    here = [] if pages is GETTING_STARTED else ["run.executor=inline"]  # Ray takes seconds to begin: once will do
    for block in (block for page in pages for block in shell_blocks(page) if not block.mark):
        for line in block.commands:
            type_in(line, *here)


@pytest.mark.parametrize("page", [*PAGES, MEASURED])
def test_every_command_exists_with_its_options(page: str) -> None:
    lines = [line for block in shell_blocks(page) for line in block.commands] + inline_commands(page)
    assert [fault for line in lines for fault in unknown(line)] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_left_without_saying_what_it_is(page: str) -> None:
    assert [f"{page}:{block.line}" for block in blocks_of(page) if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_in_python_imports_what_is_there_and_yaml_and_json_can_be_read(page: str) -> None:
    for block in blocks_of(page):
        match block.language:
            case "python":
                for statement in ast.parse(block.text).body:
                    if isinstance(statement, ast.Import | ast.ImportFrom):
                        exec(ast.unparse(statement), {})
            case "yaml" | "json":
                list(yaml.safe_load_all(block.text))


def test_a_command_that_is_not_there_would_be_found() -> None:
    assert "No such command 'restore'" in unknown("reelmend restore job.yaml")[0]
    assert "No such command 'fetch'" in unknown("cat x | reelmend weights fetch")[0]
    assert "No such option" in unknown("(cd in && reelmend run --movies 'in/*.mp4')")[0]
    assert (
        "No such command 'redo'" in unknown("srun ray -- bash -c 'echo 1; RAY_ADDRESS=$HEAD:1 exec reelmend redo x'")[0]
    )
    assert unknown("make tests") == ["make has no target tests"]
    assert unknown("python -m benchmarks.memory --samples DIR") == ["benchmarks.memory has no option --samples"]
