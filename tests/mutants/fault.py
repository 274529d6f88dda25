"""A fault: a small, likely slip of one line, and the tests that are to notice it.

None is a mutation by rule: somebody could have typed it, and the code would still run.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One edit of one line."""

    what: str
    """In words."""
    file: str
    """In the repository."""
    old: str
    """Text that the file has once."""
    new: str
    tests: str
    """Files in `tests/` that look at this module, or tests in them."""

    @property
    def package(self) -> str:
        return self.file.partition("/")[0]
