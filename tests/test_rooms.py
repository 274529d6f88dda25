"""The rooms of each layer: what may lie there, which room may import which, and that nothing runs in circles.

`ORDER` is the plan: a room imports those before it and no others. A new file belongs into a room; one that fits none
is a new room, and a line here.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = {
    "core_model": [
        "engine",
        "progress",
        "ranges",
        "regions",
        "quality",
        "array_shot",
        "checkpoint",
        "networks",
        "metrics",
        "device",
        "flow",
        "propagation",
        "propainter",
        "bench",
    ],
    "pipelines": [
        "errors",
        "choices",
        "config",
        "utils",
        "storage",
        "tasks",
        "media",
        "demo",
        "engines",
        "job",
        "stages",
        "forecast",
        "observe",
        "run",
        "preview",
        "api",
        "tuning",
        "cli",
    ],
}
"""A room or a single file each."""
LAYERS = tuple(ORDER)
MOST_ROOMS = 20
"""That a reader takes in at once."""


@cache
def modules() -> dict[str, Path]:
    """By name without `reelmend.`; packages too."""
    paths = (path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


@cache
def imports() -> dict[str, set[str]]:
    """What each module imports of the two layers, wherever in the module: within functions too."""
    return {name: set(_imported(path)) - {name} for name, path in modules().items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "no relative imports"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("reelmend.") in modules() else node.module for name in inner]
        else:
            continue
        yield from (known for name in names if (known := name.removeprefix("reelmend.")) in modules())


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("layer", LAYERS)
def test_every_file_has_a_room(layer: str) -> None:
    there = {path.stem for path in (ROOT / layer).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} == set(ORDER[layer]), "put a new file into the room that it belongs to"
    assert len(there) <= MOST_ROOMS


@pytest.mark.parametrize("layer", LAYERS)
def test_rooms_import_those_before_them_only(layer: str) -> None:
    rank = {room: place for place, room in enumerate(ORDER[layer])}
    upwards = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if module.startswith(f"{layer}.") and other.startswith(f"{layer}.")
        if rank[room_of(other)] > rank[room_of(module)]
    ]
    assert not upwards


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(imports()) == []


def test_no_packages_import_each_other_in_a_circle() -> None:
    """A file right below a layer is a room by itself."""
    packages = {name for name, path in modules().items() if path.name == "__init__.py"}

    def home(module: str) -> str:
        inside = module if module in packages else module.rpartition(".")[0]
        return module if inside in LAYERS else inside

    between: dict[str, set[str]] = {}
    for module, others in imports().items():
        between.setdefault(home(module), set()).update(home(other) for other in others)
    assert circle({package: others - {package} for package, others in between.items()}) == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return one circle of the graph, nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


def test_a_circle_would_be_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert imports()["pipelines.cli.run"] >= {"pipelines.run.driver"}
