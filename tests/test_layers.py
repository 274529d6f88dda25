"""Imports point downwards only: cluster -> pipelines -> core_model; a layer needs nothing that it must not know."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs import add_item

ROOT = Path(__file__).parents[1]
MUST_NOT_KNOW = {
    "core_model": {
        "reelmend.pipelines",
        "reelmend.cluster",
        "reelmend.conf",
        "ray",
        "av",
        "boto3",
        "omegaconf",
        "pyarrow",
    },
    "pipelines": {"reelmend.cluster", "ray"},
    "cluster": {"av"},
}


@pytest.mark.parametrize("layer", MUST_NOT_KNOW)
def test_no_module_names_what_its_layer_must_not_know(layer: str) -> None:
    for path in (ROOT / layer).rglob("*.py"):
        imported = {_package(name) for name in _imports(ast.parse(path.read_text()))}
        assert not imported & MUST_NOT_KNOW[layer], path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "reelmend.core_model.propagation.fill",
            ["torch", "ray", "av", "omegaconf", "pyarrow", "rich", "typer", "scenedetect"],
        ),
        (
            "reelmend.core_model.propainter.restorer",
            ["ray", "av", "omegaconf", "pyarrow", "rich", "typer", "scenedetect"],
        ),
        ("reelmend.core_model.propagation.engine", ["torch", "numba"]),
        ("reelmend.pipelines.run.driver", ["ray", "torch"]),
        ("reelmend.pipelines.cli", ["ray"]),
        ("reelmend.cluster.kubernetes.launch", ["ray", "torch", "av"]),
    ],
)
def test_a_layer_imports_where_the_others_libraries_are_missing(module: str, absent: list[str]) -> None:
    block = f"import sys; sys.modules.update(dict.fromkeys({absent!r})); import {module}"
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_who_plans_and_drives_a_run_needs_no_torch(tmp_path: Path) -> None:
    """It takes seconds and 200 MB; only workers that compute load it."""
    add_item(tmp_path, frames=2)
    code = "import sys; sys.modules['torch'] = None; from reelmend.pipelines.cli import main; main()"
    words = ["plan", "--videos", str(tmp_path / "in/clip.mp4"), "--masks", str(tmp_path / "in/clip_mask.mkv")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_child_process_imports_from_the_current_folder() -> None:
    """`python -m` and `python -c` look there first, and it may hold a module of any name: `-P` leaves it out."""
    starts = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for layer in MUST_NOT_KNOW
        for path in (ROOT / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable"
        if len(node.elts) < 2 or ast.unparse(node.elts[1]) != "'-P'"
    ]
    assert not starts


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "reelmend" else 1])


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "no relative imports"
            yield node.module
