"""Protocol of an object that can serve as a lease: read it, and write it if it is unchanged."""

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Found:
    """The lease as it is in the bucket."""

    text: str
    tag: str
    age_s: float
    """By the store's clock, or this machine's: see `LeaseObject.sure`."""

    @property
    def content(self) -> dict[str, Any]:
        try:
            content = json.loads(self.text)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def process(self) -> str:
        return str(self.content.get("process", ""))


class LeaseObject(Protocol):
    """The object at one place. Raises StoreError and SetupError."""

    @property
    def sure(self) -> bool:
        """Whether the store itself compares on writing, and tells ages by its own clock."""
        ...

    def look(self) -> Found | None:
        """Return the lease that is there, if there is one."""
        ...

    def write(self, text: str, tag: str) -> str | None:
        """Write the object if it still is the one with `tag`, or absent where that is empty.

        Returns the new tag, None where it was not.
        """
        ...
