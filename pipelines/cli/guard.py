"""The last error boundary of a command: one line on stderr and an exit status."""

import functools
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, ParamSpec

import typer

from reelmend.pipelines.choices import LogFormat
from reelmend.pipelines.cli.options import DEBUG_VARIABLE
from reelmend.pipelines.errors import (
    EXIT_BUG,
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_NOT_STARTED,
    EXIT_TRY_AGAIN,
    ConfigError,
    ReelmendError,
    SetupError,
    StoreAway,
)
from reelmend.pipelines.utils.logs import log_format, log_to_stderr
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.text import visible

P = ParamSpec("P")


def guarded(command: Callable[P, int | None]) -> Callable[P, None]:
    """Wrap a command: its return value is the exit status, an error is a line on stderr, never a traceback.

    With --debug or REELMEND_DEBUG=1 the traceback is shown.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            show_log(LogFormat.auto)
            status = command(*args, **kwargs)
        except KeyboardInterrupt:
            _fail(["Interrupted. Run the same command again to resume."], EXIT_INTERRUPTED)
        except ReelmendError as exc:
            _fail(str(exc).split("\n"), _status_of(exc))
        except typer.Exit:
            raise
        except Exception as exc:  # the last boundary: anything that arrives here is a bug of this program
            _fail([f"internal error: {type(exc).__name__}: {exc} (--debug shows where)"], EXIT_BUG)
        finally:
            signal.signal(signal.SIGTERM, before)
        raise typer.Exit(status or 0)

    return run


def _status_of(error: ReelmendError) -> int:
    if isinstance(error, ConfigError | SetupError):
        return EXIT_NOT_STARTED
    return EXIT_TRY_AGAIN if isinstance(error, StoreAway) else EXIT_INCOMPLETE


def _fail(lines: list[str], status: int) -> NoReturn:
    if os.environ.get(DEBUG_VARIABLE) and not isinstance(sys.exception(), KeyboardInterrupt):
        lines = traceback.format_exc().split("\n")  # of the exception being handled
    elif status != EXIT_INTERRUPTED:
        lines = [f"error: {line}" for line in lines]
    for line in lines:
        typer.echo(visible(redact(line)), err=True)
    raise typer.Exit(status)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """A scheduler that takes the machine back sends SIGTERM: stop as for Ctrl-C, so that workers are stopped too."""
    raise KeyboardInterrupt


def show_log(chosen: LogFormat) -> None:
    """Show our own INFO where no live display shows the same, and warnings everywhere. Raises ConfigError."""
    live = sys.stdout.isatty() and log_format(chosen) is LogFormat.text
    log_to_stderr(chosen, logging.WARNING if live else logging.INFO)
