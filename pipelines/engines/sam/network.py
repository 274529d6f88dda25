"""SAM 2.1's network: what it needs on a machine, and reading its weights."""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from reelmend.pipelines.engines.weights import WeightFile, find, load_network
from reelmend.pipelines.engines.weights.find import State, look, missing_message
from reelmend.pipelines.engines.weights.folder import weights_folder
from reelmend.pipelines.engines.weights.registry import entry_of
from reelmend.pipelines.engines.weights.sam2 import SAM2
from reelmend.pipelines.errors import SetupError

INSTALL = "pip install 'reelmend[sam]'"
WEIGHTS = "sam2.1-hiera-tiny"


def problem() -> str:
    """Return why the network cannot be used here and what to do; empty if it can."""
    missing = [package for package in ("torch", "transformers") if find_spec(package) is None]
    if missing:
        return f"SAM 2.1 needs {' and '.join(missing)}: {INSTALL}"
    seen = look(entry_of(WEIGHTS), weights_folder())
    if seen.state is State.MISSING:
        return missing_message(seen)
    try:
        find(WEIGHTS, SAM2)
    except SetupError as error:
        return str(error)
    return ""


def digest() -> str:
    """Return a digest of the weights; empty where there are none."""
    return look(entry_of(WEIGHTS), weights_folder()).sha256[:16]


@lru_cache(maxsize=1)
def _loaded(file: WeightFile) -> Any:
    return load_network(file, SAM2)


def loaded() -> Any:
    """Return the network with its weights, for inference on the CPU. Raises SetupError that says what is missing."""
    said = problem()
    if said:
        raise SetupError(said)
    return _loaded(find(WEIGHTS, SAM2))
