"""What differs between engines is said in their specifications: no other module asks which engine a job has."""

import ast
from pathlib import Path

from reelmend.pipelines.engines.registry import engine_specs

ROOT = Path(__file__).parents[2]
SPECS = {f"pipelines/engines/{name}.py" for name in engine_specs()}
NAMES = set(engine_specs()) - {"auto"}
"""`auto` is a value of many settings, too."""
DECLARED = {
    "pipelines/config.py", "pipelines/api/arrays.py", "pipelines/api/video.py",  # the default of `engine`, the section
    "pipelines/engines/flow_by_raft.py",  # measures with the network and the settings of that section
    "pipelines/tuning/candidates.py",  # a line per setting, some of one engine
    "pipelines/engines/recovery.py", "pipelines/stages/cuda_debugging.py",  # how networks compute, whichever engine's
}  # fmt: skip


def named_in(text: str) -> set[str]:
    """What of a module's code names an engine: a text, an attribute such as `job.propainter`, the enumeration of names."""
    nodes = list(ast.walk(ast.parse(text)))
    told = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return (told | used) & NAMES | {node.id for node in nodes if isinstance(node, ast.Name)} & {"EngineName"}


def test_no_module_but_a_specification_names_an_engine() -> None:
    paths = {
        path.relative_to(ROOT).as_posix(): path
        for layer in ("pipelines", "cluster")
        for path in (ROOT / layer).rglob("*.py")
    }
    assert paths.keys() >= SPECS
    naming = {place for place, path in paths.items() if named_in(path.read_text())}
    assert naming - SPECS == DECLARED


def test_a_switch_would_be_found() -> None:
    assert named_in("if job.engine == 'propainter': pass")
    assert named_in("job.propainter.precision")
    assert named_in("match job.engine:\n case EngineName.x: pass") == {"EngineName"}
    assert not named_in('"""The engine propainter."""\nimport reelmend.core_model.propainter.schedule')
