"""Tensors in a file of weights, read so that nothing in it can run."""

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelmend.pipelines.engines.weights.find import WeightFile
from reelmend.pipelines.engines.weights.folder import digest_file
from reelmend.pipelines.errors import SetupError, first_line

if TYPE_CHECKING:
    from torch import Tensor

_SHOWN = 3
_SAID = 120


def load_state(file: WeightFile) -> "dict[str, Tensor]":
    """Return the file's tensors by name, in host memory.

    The file is hashed again first: a worker's machine may hold another one under the same path than the driver's does.
    Raises SetupError when it does, or when the file is broken, holds anything but dense tensors by name, or code.
    """
    try:
        found = digest_file(file.path)
        if found != file.sha256:
            raise SetupError(
                f"{file.path}: is not the file that the run started with: its SHA-256 is {found}, expected "
                f"{file.sha256}; it has changed, or differs between machines: install the same file on all"
            )
        return read_state(file.path, file.path.suffix)
    except OSError as exc:
        raise SetupError(f"{file.path}: cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise SetupError(f"{file.path}: {exc}") from exc


def read_state(path: Path, suffix: str) -> "dict[str, Tensor]":
    """Return the tensors of a file in the format that `suffix` (.pth, .safetensors) names. Raises ValueError."""
    content = _read_safetensors(path) if suffix == ".safetensors" else _read_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f"not weights: contains a {type(content).__name__} instead of a dictionary of tensors")
    if not content:
        raise ValueError("not weights: contains no tensors")
    others = [f"{name} ({type(value).__name__})" for name, value in content.items() if not _fits(name, value)]
    if others:
        more = ", ..." if len(others) > _SHOWN else ""
        listed = ", ".join(others[:_SHOWN]) + more
        raise ValueError(f"not weights: contains more than dense tensors: {listed}; save only the state dict")
    return content


def _fits(name: object, value: object) -> bool:
    import torch

    return (
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError) as exc:
        raise ValueError(f"not a complete .safetensors file ({first_line(exc)[:_SAID]}); fetch it again") from exc


def _read_pickle(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the pickle's version: it is read, or refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:  # torch adds advice to read it unsafely, which is not passed on
        raise ValueError(
            "not weights: not a PyTorch file, or one that contains code, which reelmend never runs"
        ) from exc
    except Exception as exc:  # what a broken file makes torch raise is not documented, and is of many kinds
        raise ValueError(f"not a complete PyTorch file ({first_line(exc)[:_SAID]}); fetch it again") from exc
