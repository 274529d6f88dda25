"""Clusters that tests share: which test asks for which, and what is to be ended after the last of them."""

import ast
from contextlib import ExitStack
from functools import cache
from pathlib import Path

RUNNING = {"cluster_address": ExitStack(), "head": ExitStack()}
"""By fixture, the cluster's processes. They are ended before the session: idle ones take a tenth of a core."""
ORDER = [*RUNNING, ""]
_ON_CLUSTER = {"cluster_address", "on_cluster"}


def share_of(file: Path, test: str) -> str:
    """Return the fixture of the cluster that a test shares with others, empty for none: by the source of its file."""
    if file.parent.name == "submit":
        return "head"
    asks, names, seen = _asks(file), {test}, set[str]()
    while names:
        name = names.pop()
        seen.add(name)
        names |= asks.get(name, set()) - seen
    return "cluster_address" if seen & _ON_CLUSTER else ""


@cache
def _asks(file: Path) -> dict[str, set[str]]:
    """Return the fixtures that each function of a file asks for, by argument or mark."""
    module = ast.parse(file.read_text())
    everywhere = {word for node in module.body if isinstance(node, ast.Assign) for word in _words(node)}
    return {
        node.name: {arg.arg for arg in node.args.args}
        | {word for mark in node.decorator_list for word in _words(mark)}
        | (everywhere if node.name.startswith("test_") else set())
        for node in module.body
        if isinstance(node, ast.FunctionDef)
    }


def _words(node: ast.AST) -> set[str]:
    """Return the texts that stand in `usefixtures(...)`."""
    marks = [
        each for each in ast.walk(node)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "usefixtures"
    ]  # fmt: skip
    return {
        arg.value for mark in marks for arg in mark.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    }
