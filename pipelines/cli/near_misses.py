"""Options as people type them by habit: `--video`, `-o`, `--crf 20`."""

from typing import Any

from typer.core import TyperCommand

from reelmend.pipelines.cli.completion import setting_names

ALIASES = {
    "--video": "--videos",
    "--input": "--videos",
    "-i": "--videos",
    "--mask": "--masks",
    "--output": "--out",
    "-o": "--out",
}
"""Other spellings, which a command understands where it has the option itself. They are not in its help."""
WITHOUT_VALUE = {"--profile": "on"}
"""Options that can be given without a value, and the value that they have then."""


class Forgiving(TyperCommand):
    """A command that understands the aliases, and answers a setting typed as an option with its spelling."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        takes_settings = any(param.name == "words" for param in self.params)
        end = args.index("--") if "--" in args else len(args)
        for index, word in enumerate(args[:end]):
            name, equals, value = word.partition("=")
            alias = ALIASES.get(name)
            if name not in known and alias in known:
                args[index] = alias + equals + value
            elif word in WITHOUT_VALUE and word in known:
                args[index] = f"{word}={WITHOUT_VALUE[word]}"
            elif takes_settings and name.startswith("--") and name not in known:
                following = args[index + 1] if index + 1 < end else ""
                _refuse_setting(ctx, name, value if equals else following)
        return super().parse_args(ctx, args)


def _refuse_setting(ctx: Any, name: str, value: str) -> None:
    """Fail with the setting that was meant; an option that is like none is for the parser to refuse."""
    wanted = name.removeprefix("--").replace("-", "_")
    meant = [key for key in setting_names() if wanted in (key, key.rpartition(".")[2])]
    if meant:
        written = " or ".join(f"{key}={'VALUE' if not value or value.startswith('-') else value}" for key in meant)
        ctx.fail(f"no such option {name}; settings are written without dashes: {written}")
