"""What `import reelmend` offers: its names, their arguments, and what importing it costs."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reelmend

ROOT = Path(__file__).parents[2]
SIGNATURES = {
    "load_job": "(file=None, *, preset=None, settings=None)",
    "plan": "(job, *, probe=True)",
    "read_ledger": "(run)",
    "restore": "(frames, masks, engine='propagation', *, fps=25.0, progress=None, settings=None)",
    "restore_video": "(video, mask, out, *, engine='propagation', fps=None, overwrite=False, progress=None, settings=None)",
    "run_job": "(job, *, progress=None, only_new=False, retry_quarantined=False, since=None)",
}
NAMES = {
    *SIGNATURES,
    *("ArrayError", "ConfigError", "ItemError", "MaskError", "MediaError", "MemoryShort", "ReelmendError"),
    *("SetupError", "StoreAway", "TransientError"),
    *("Engine", "EngineSpec", "register_engine"),
    *("ItemRow", "ItemState", "JobConfig", "Plan", "ProgressUpdate", "RunSummary", "VideoResult"),
    "__version__",
}


def test_these_are_the_public_names_and_each_is_there() -> None:
    """A name that goes away, or a new one, is a decision: see docs/python.md."""
    assert set(reelmend.__all__) == NAMES
    assert set(reelmend.__all__) <= set(dir(reelmend))
    assert [name for name in reelmend.__all__ if getattr(reelmend, name) is None] == []


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_public_function_takes_these_arguments_and_says_their_types(name: str) -> None:
    arguments = inspect.signature(getattr(reelmend, name)).parameters.values()
    assert str(inspect.Signature([each.replace(annotation=each.empty) for each in arguments])) == SIGNATURES[name]
    assert [each.name for each in arguments if each.annotation is each.empty] == []


@pytest.mark.parametrize("name", sorted(NAMES - {"__version__"}))
def test_a_public_name_has_a_docstring_and_stands_on_the_page(name: str) -> None:
    assert (getattr(reelmend, name).__doc__ or "").strip(), name
    assert f"`{name}`" in (ROOT / "docs" / "python.md").read_text()


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_docstring_of_a_function_explains_every_argument(name: str) -> None:
    function = getattr(reelmend, name)
    explained = re.findall(r"^    (\w+): ", inspect.getdoc(function) or "", re.MULTILINE)
    assert [each for each in inspect.signature(function).parameters if each not in explained] == []


def test_type_checkers_see_the_names_that_are_loaded_on_demand() -> None:
    tree = ast.parse((ROOT / "src/reelmend/__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == reelmend._HOMES
    assert {*seen, "__version__"} == NAMES


def test_an_unknown_name_is_an_attribute_error_that_lists_the_public_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'repair'; public are .*restore, restore_video"):
        reelmend.repair  # noqa: B018


def test_importing_reelmend_loads_nothing_else() -> None:
    code = (
        "import sys; import reelmend; loaded = {name.split('.')[0] for name in sys.modules};"
        "print(loaded & {'torch', 'ray', 'cv2', 'numpy', 'av', 'omegaconf', 'pyarrow', 'rich', 'typer'},"
        " [name for name in sys.modules if name.startswith('reelmend.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() []"


def test_the_functions_need_neither_ray_nor_torch_to_be_loaded() -> None:
    code = "import sys; sys.modules.update(ray=None, torch=None); import reelmend; [getattr(reelmend, n) for n in reelmend.__all__]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrong_arrays_can_be_caught_as_what_python_calls_them() -> None:
    assert issubclass(reelmend.ArrayError, ValueError)
    assert issubclass(reelmend.ArrayError, reelmend.ItemError)
