"""Functions of core_model that touch tensors, and which of them ran."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import reelmend.core_model

_ROOT = Path(next(iter(reelmend.core_model.__path__))).resolve()


def modules_with_tensors() -> dict[str, set[str]]:
    """Return by module that imports torch, as `networks/warp.py`, the names of its functions and methods."""
    found = {}
    for file in sorted(_ROOT.rglob("*.py")):
        source = file.read_text()
        if "import torch" in source or "from torch" in source:
            found[file.relative_to(_ROOT).as_posix()] = set(_functions(compile(source, str(file), "exec")))
    return found


@contextmanager
def functions_that_run() -> Iterator[dict[str, set[str]]]:
    """Inside, collect by module the names of core_model's functions that are called."""
    called: set[CodeType] = set()
    ran: dict[str, set[str]] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        called.add(frame.f_code)  # and no trace inside it: only calls are seen

    before = sys.gettrace()
    sys.settrace(note)
    try:
        yield ran
    finally:
        sys.settrace(before)
        for code in called:
            file = Path(code.co_filename).resolve()
            if file.is_relative_to(_ROOT):
                ran.setdefault(file.relative_to(_ROOT).as_posix(), set()).add(code.co_qualname)


def _functions(code: CodeType) -> Iterator[str]:
    """Names as they are called: those of classes are not functions, nor are comprehensions."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            is_class = not part.co_flags & 2  # CO_NEWLOCALS
            if not is_class and not part.co_name.startswith("<"):
                yield part.co_qualname
            yield from _functions(part)
