"""Is there such a command, with such options? Asked of the command's own declarations, without running it."""

import re
import shlex
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from tests.docs.blocks import ROOT

OTHERS = {
    "aws",
    "cat",
    "cd",
    "docker",
    "export",
    "git",
    "grep",
    "head",
    "helm",
    "kind",
    "kubectl",
    "less",
    "openssl",
    "pip",
}
OTHERS |= {"[", "echo", "exit", "kill", "ray", "rm", "scontrol", "sha256sum", "source", "srun", "tail", "trap", "wait"}
"""Programs of others, which only who has them can run."""

_SEPARATORS = re.compile(r"(?:\s(?:\|\|?|&&|--)\s)|\$\(|[()&;|]")
_SETTING = re.compile(r"^(?:export )?\w+=\S*$")


def unknown(line: str) -> list[str]:
    """Return what is wrong with a line of shell: each command in it that does not exist, or not so."""
    code = re.sub(r"\s#.*$|>\s*\S+", "", line)
    return [fault for part in _parts(code) if (fault := _fault(shlex.split(part)))]


def _parts(code: str) -> list[str]:
    """The commands of a line; what is in quotes stays together."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found.group())
        return f"\0{len(kept) - 1}\0"

    hidden = re.sub(r"'[^']*'|\"[^\"]*\"", keep, code)
    parts = [part.strip() for part in _SEPARATORS.split(hidden)]
    return [re.sub(r"\0(\d+)\0", lambda at: kept[int(at[1])], part) for part in parts if part]


def _fault(words: list[str]) -> str:
    while words and _SETTING.match(words[0]):
        words = words[1:]
    match words:
        case []:
            return ""
        case ["exec", *rest]:
            return _fault(rest)
        case ["bash", "-c", text]:
            return next(iter(unknown(text)), "")
        case ["reelmend", *rest]:
            return _of_reelmend(*rest)
        case ["python", "-m", module, *rest]:
            return _of_module(module, rest)
        case ["make", *targets]:
            missing = [word for word in targets if "=" not in word and not _is_target(word)]
            return f"make has no target {missing[0]}" if missing else ""
        case [program, *rest] if program.endswith(".sh"):
            return _of_script(program, rest)
        case [program, *_]:
            return "" if program in OTHERS else f"nobody knows {program}"
    return ""


@cache
def _of_reelmend(*words: str) -> str:
    """Options are looked up before `--help` is answered."""
    asked = CliRunner().invoke(app, [*words, "--help"])
    return "" if asked.exit_code == 0 else " ".join(re.findall(r"[\w'./-]+", asked.stderr))


def _of_script(program: str, words: list[str]) -> str:
    """A script of this repository, and the module that it hands its options to."""
    file = ROOT / program
    if not file.exists():
        return f"script {program} does not exist"
    called = re.search(r"-m ([\w.]+)", file.read_text())
    return _of_module(called[1], words) if called else ""


def _of_module(module: str, words: list[str]) -> str:
    found = find_spec(module)
    if found is None or found.origin is None:
        return f"there is no module {module}"
    files = Path(found.origin).parent.glob("*.py") if found.submodule_search_locations else [Path(found.origin)]
    source = "".join(file.read_text() for file in files)
    options = [word.strip("[]") for word in words if word.lstrip("[").startswith("--")]
    missing = [option for option in options if not re.search(rf"\b{option.strip('-').replace('-', '.')}\b", source)]
    return f"{module} has no option {missing[0]}" if missing else ""


@cache
def _is_target(name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
