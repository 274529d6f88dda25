"""Writes docs/cli.md from the commands' declarations: `python docs/make_cli.py` (a test checks that it is current)."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from reelmend.pipelines.cli import app
from reelmend.pipelines.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_NOT_STARTED, EXIT_TRY_AGAIN

PAGE = Path(__file__).with_name("cli.md")

HEAD = f"""# Commands

<!-- Written by `python docs/make_cli.py` from the commands' declarations: edit there. -->

`JOB` is a job file ([settings](job-file.md)) or, for commands that look at a run, its output folder. `KEY=VALUE` settings follow it.
With `--help`, each command shows the same as this page.

| exit status | meaning |
|---|---|
| 0 | success: every item is restored |
| {EXIT_NOT_STARTED} | the configuration or the machine is at fault; nothing was done |
| {EXIT_INCOMPLETE} | finished, but some items are quarantined or failed |
| {EXIT_TRY_AGAIN} | a store was unavailable for longer than `run.outage_s`; run the same command again later |
| {EXIT_INTERRUPTED} | interrupted; run the same command again to resume |

## Shell completion

Bash, Zsh, Fish and PowerShell complete commands and options after

```text
reelmend --install-completion
```

which adds a script to the shell's configuration; `--show-completion` prints it instead, to install it by hand. Settings complete as well:
`stitch.co` to `stitch.codec=`, and then its values.
"""


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """Return the page's text."""
    return HEAD + "".join(_entries(get_command(app), "reelmend"))


def _entries(group: Any, name: str) -> Iterator[str]:
    for word, command in sorted(group.commands.items()):
        called = f"{name} {word}"
        if hasattr(command, "commands"):
            yield f"\n## `{called}`\n\n{inspect.cleandoc(command.help)}\n"
            yield from (entry.replace("\n## ", "\n### ", 1) for entry in _entries(command, called))
        else:
            yield f"\n## `{called}`\n\n{inspect.cleandoc(command.help)}\n\n```text\n{_usage(command, called)}\n```\n"
            yield "\n| option | meaning | default |\n|---|---|---|\n" + "".join(_rows(command))


def _usage(command: Any, called: str) -> str:
    words = [f"[{_metavar(one)}]" if not one.required else _metavar(one) for one in _arguments(command)]
    return " ".join([called, *words, "[OPTIONS]"])


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _rows(command: Any) -> Iterator[str]:
    for one in _arguments(command):
        yield f"| `{_metavar(one)}` | {one.help} | |\n"
    for one in command.params:
        if one.param_type_name == "option" and not one.hidden:
            names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
            value = "" if one.is_flag else f" `{_metavar(one)}`"
            default = "" if one.default in (None, False, (), "") else f"`{_plain(one.default)}`"
            yield f"| {names}{value} | {one.help.replace('|', '&#124;')} | {default} |\n"


def _plain(value: Any) -> str:
    return "yes" if value is True else str(value)


def _metavar(parameter: Any) -> str:
    """The placeholder of a value: declared, else by the type of the default."""
    of_type = "NUMBER" if isinstance(parameter.default, int | float) else "TEXT"
    return (parameter.metavar or of_type).replace("|", " or ")


if __name__ == "__main__":
    main()
