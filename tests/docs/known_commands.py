"""Is there such a command, with such options? Asked of the command's own declarations, without running it."""

import re
import shlex
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import click
from blocks import ROOT
from typer.main import get_command

from pipelines.cli import app

OTHERS = {"aws", "cat", "cd", "docker", "export", "git", "grep", "head", "helm", "kind", "kubectl", "less", "openssl"}
OTHERS |= {"ray", "scontrol", "sha256sum", "source", "srun", "tail", "wait"}
"""Programs of others, which only who has them can run."""

_SEPARATORS = re.compile(r"(?:\s(?:\|\|?|&&|--)\s)|\$\(|[()&;|]")
_SETTING = re.compile(r"^(?:export )?\w+=\S*$")


def unknown(line: str) -> list[str]:
    """Return what is wrong with a line of shell: each command in it that does not exist, or not so."""
    code = re.sub(r"\s#.*$", "", line)
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
        case ["reelmend", *rest]:
            return _of_reelmend(rest)
        case ["python", "-m", module, *rest]:
            return _of_module(module, rest)
        case ["make", *targets]:
            missing = [word for word in targets if "=" not in word and not _is_target(word)]
            return f"make has no target {missing[0]}" if missing else ""
        case [program, *_]:
            return "" if program in OTHERS else f"nobody knows {program}"
    return ""


def _of_reelmend(words: list[str]) -> str:
    command, said = get_command(app), "reelmend"
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"{said} has no command {words[0]}"
        said, command, words = f"{said} {words[0]}", command.commands[words[0]], words[1:]
    try:
        command.make_parser(click.Context(command)).parse_args(list(words))
    except click.UsageError as exc:
        return f"{said}: {exc.message}"
    return ""


def _of_module(module: str, words: list[str]) -> str:
    found = find_spec(module)
    if found is None or found.origin is None:
        return f"there is no module {module}"
    source = Path(found.origin).read_text()
    options = [word.strip("[]") for word in words if word.lstrip("[").startswith("--")]
    missing = [option for option in options if f'"{option}"' not in source]
    return f"{module} has no option {missing[0]}" if missing else ""


@cache
def _is_target(name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
