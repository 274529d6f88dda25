"""Format of log lines: words with fields, as text for people or as JSON.

A line is logged as an `LogLine`, with its own fields; what is logged while a `log_fields` block is open carries its
fields too, from whatever source: a library's warning in a worker then says for which chunk it came. No line holds
credentials, from whatever source.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from reelmend.pipelines.choices import LogFormat
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.text import visible, visible_json

FORMAT_VARIABLE = "REELMEND_LOG_FORMAT"
_TEXT = "%(asctime)s %(levelname)s %(message)s"
_OURS = "reelmend"

_fields: ContextVar[dict[str, Any]] = ContextVar("log_fields", default={})  # noqa: B039  never changed in place


class LogLine:
    """A message of a log line: `log.info(LogLine("started", run=run_id, items=3))`. None says nothing of a field.

    `trace`, lines of a traceback, is for machines: text leaves it out.
    """

    def __init__(self, words: str = "", /, **fields: object) -> None:
        self.words = words
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def __str__(self) -> str:
        said = [f"{name}={_plain(value)}" for name, value in self.fields.items() if name != "trace"]
        return " ".join([*said, self.words] if self.words else said)


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Inside, every line logged by this thread carries these fields, beside those of blocks around; None is nothing."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _fields.set(_fields.get() | known)
    try:
        yield
    finally:
        _fields.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, and `trace` where an exception was logged."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.msg
        own = message.fields if isinstance(message, LogLine) else {}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message.words if isinstance(message, LogLine) else record.getMessage(),
        }
        line |= _fields.get() | own
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return visible_json(redact(json.dumps(line, ensure_ascii=False, default=str)))


class TextLines(logging.Formatter):
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """A traceback has lines; nothing else has more than one."""
        return visible(redact(super().format(record)), keep="\n\t")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = visible(record.message)
        return super().formatMessage(record)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: the live display puts itself in its place to keep its lines whole."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Ignored: there is nothing to choose."""


def log_to_stderr(chosen: LogFormat, level: int) -> None:
    """Show this program's lines from `level` on, and everybody's warnings; asked again, the last format holds.

    Raises ConfigError where the environment names a format that does not exist.
    """
    root = logging.getLogger()
    handler = next((handler for handler in root.handlers if isinstance(handler, _Stderr)), None)
    if handler is None:
        handler = _Stderr()
        root.addHandler(handler)
    as_json = log_format(chosen) is LogFormat.json
    handler.setFormatter(JsonLines() if as_json else TextLines(_TEXT))
    logging.getLogger(_OURS).setLevel(level)


def log_format(chosen: LogFormat) -> LogFormat:
    """Return text or json. Raises ConfigError where the environment is asked and names neither."""
    if chosen is not LogFormat.auto:
        return chosen
    name = os.environ.get(FORMAT_VARIABLE, "") or LogFormat.text
    if name not in (LogFormat.text, LogFormat.json):
        raise ConfigError(f"{FORMAT_VARIABLE}={name}: not a log format; use text or json")
    return LogFormat(name)


def _plain(value: object) -> str:
    """A field as text: in quotes where it would not stay one word."""
    text = str(value)
    return repr(text) if any(letter.isspace() for letter in text) or not text else text
