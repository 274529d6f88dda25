"""Results so far, kept in a file so that the same command goes on with what is missing."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DONE, FAILED, LEFT_OUT = "done", "failed", "left out"


@dataclass
class Outcome:
    """Of one part."""

    state: str
    """`DONE`, `FAILED` or `LEFT_OUT`."""
    values: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    """Why it failed or was left out."""
    seconds: float = 0.0
    """That the part took in all, start and warm-up included."""


@dataclass
class Found:
    """Outcomes by part, of one machine and commit."""

    file: Path
    machine: dict[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, machine: dict[str, str], *, fresh: bool) -> "Found":
        """What the folder has of this very machine and commit; nothing with `fresh`."""
        folder.mkdir(parents=True, exist_ok=True)
        found = cls(folder / "gpu.json", machine)
        if found.file.exists() and not fresh:
            kept = json.loads(found.file.read_text())
            if kept["machine"] == machine:
                found.outcomes = {name: Outcome(**outcome) for name, outcome in kept["parts"].items()}
        return found

    @property
    def failed(self) -> bool:
        return any(outcome.state == FAILED for outcome in self.outcomes.values())

    def is_done(self, part: str) -> bool:
        return part in self.outcomes and self.outcomes[part].state == DONE

    def values(self, part: str) -> dict[str, Any]:
        """Empty where the part has not been done."""
        return self.outcomes[part].values if self.is_done(part) else {}

    def leave_out(self, part: str, why: str) -> None:
        self.keep(part, Outcome(LEFT_OUT, note=why))

    def keep(self, part: str, outcome: Outcome) -> None:
        self.outcomes[part] = outcome
        parts = {name: asdict(kept) for name, kept in self.outcomes.items()}
        text = json.dumps({"machine": self.machine, "parts": parts}, indent=2)
        written = self.file.with_suffix(".new")
        written.write_text(text + "\n")
        written.replace(self.file)
