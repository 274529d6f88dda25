"""Rows that were measured before, in a file beside the preset: one line of JSON per row."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.tuning.measure import Row, as_plain
from reelmend.pipelines.tuning.relevant import relevant_settings
from reelmend.pipelines.utils.hashing import digest_of

_FORMAT = 1
"""Raise it when rows of an earlier version are not comparable."""


class Records:
    """Rows by what was measured: clips, settings, machine."""

    def __init__(self, file: Path, clips: Sequence[str], machine: str) -> None:
        """Raises ConfigError where the file cannot be read."""
        self._file, self._case = file, (_FORMAT, machine, list(clips))
        self._rows = {line["key"]: Row.of_dict(line["row"]) for line in _lines(file)}

    def find(self, job: JobConfig, settings: Mapping[str, Any], occasion: str = "") -> Row | None:
        """Return the row of a job, with its settings named as they are now; None where it was not measured.

        `occasion` tells measurements of the same settings apart.
        """
        row = self._rows.get(self._key(job, occasion))
        return None if row is None else Row.of_dict({**as_plain(row), "settings": dict(settings)})

    def keep(self, job: JobConfig, row: Row, occasion: str = "") -> None:
        """Add a row to the file at once: whatever ends the program, it is not measured again."""
        key = self._key(job, occasion)
        self._rows[key] = row
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as out:
                out.write(json.dumps({"key": key, "row": as_plain(row)}) + "\n")
        except OSError as exc:
            raise ConfigError(
                f"{self._file}: cannot be written ({exc.strerror}); choose another file with --to"
            ) from exc

    def _key(self, job: JobConfig, occasion: str) -> str:
        return digest_of(*self._case, relevant_settings(job), str(job.run.executor), occasion)


def _lines(file: Path) -> list[dict[str, Any]]:
    """Return the complete lines; what a crash left half-written is skipped."""
    try:
        text = file.read_text() if file.exists() else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: cannot be read ({exc}); remove it to measure again") from exc
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            Row.of_dict(entry["row"])
            found.append({"key": str(entry["key"]), "row": entry["row"]})
        except (ValueError, KeyError, TypeError):
            continue
    return found
