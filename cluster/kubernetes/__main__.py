"""`python -m cluster.kubernetes` is `reelmend launch`: the way in for a layer that must not import this one."""

import typer

from cluster.kubernetes.command import launch
from pipelines.cli.guard import guarded

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
app.command(context_settings={"help_option_names": ["-h", "--help"]})(guarded(launch))

if __name__ == "__main__":
    app(prog_name="reelmend launch")
