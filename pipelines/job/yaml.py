"""Safe reading of YAML, with limits on size and aliases."""

import io
from collections.abc import Mapping
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location

MOST_BYTES = 1 << 20
MOST_VALUES = 100_000
"""Of a job, with every alias written out: a few lines of aliases of aliases stand for more than any memory holds."""

NOT_YAML = (yaml.YAMLError, OmegaConfBaseException, ValueError, RecursionError)
"""What reading raises. ValueError: a number or a date that is none."""


def read_yaml(text: str) -> Any:
    """Return what a YAML file holds, `${...}` as it stands there. Raises one of NOT_YAML."""
    _refuse_growth(text)
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)


def read_word(text: str) -> Any:
    """Return what `KEY=text` of a dot-list means. Raises one of NOT_YAML."""
    _refuse_growth(text)
    return OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]), resolve=False)["value"]  # type: ignore[call-overload,index]


def read_mapping(path: Location, files: Files, kind: str = "job file") -> Mapping[Any, Any]:
    """Return the file's mapping, empty for an empty file; `kind` is what messages call it. Raises ConfigError."""
    try:
        text = files.read(path)
        if text is None:
            raise ConfigError(f"{path}: no such {kind}")
        tree = read_yaml(text.decode())
    except (StoreError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read as a {kind}: {exc}") from exc
    except yaml.MarkedYAMLError as exc:
        line = f", line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML: {exc.problem}") from exc
    except NOT_YAML as exc:
        raise ConfigError(f"{path}: not valid YAML: {first_line(exc)}") from exc
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: not a {kind}; expected KEY: VALUE lines")
    return tree


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _refuse_growth(text: str) -> None:
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} characters")
    if "*" in text and _values(yaml.compose(text, Loader=yaml.SafeLoader), {}, ()) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values, with its aliases written out")


def _values(node: Any, known: dict[int, int], above: tuple[int, ...]) -> int:
    """Return how many values a node stands for. Raises ValueError for one that holds itself."""
    if id(node) in above:
        raise ValueError("an alias refers to itself")
    if id(node) not in known:
        held = node.value if isinstance(node, yaml.CollectionNode) else ()
        children = [part for entry in held for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_values(child, known, (*above, id(node))) for child in children)
    return known[id(node)]
