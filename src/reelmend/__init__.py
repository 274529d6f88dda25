"""Dataset-scale video restoration: remove objects, logos, subtitles, wires and scratches, and fill what they hid.

    import reelmend

    restored = reelmend.restore(frames, masks)            # arrays in, an array out
    reelmend.restore_video("clip.mp4", "mask.png", "restored.mp4")

Names in `__all__` are the public interface (docs/python.md). They are loaded when they are first used: importing
reelmend takes no time, and loads neither torch nor Ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelmend.core_model.engine import Engine as Engine
    from reelmend.pipelines.api.arrays import restore as restore
    from reelmend.pipelines.api.progress import ProgressUpdate as ProgressUpdate
    from reelmend.pipelines.api.runs import Plan as Plan
    from reelmend.pipelines.api.runs import load_job as load_job
    from reelmend.pipelines.api.runs import plan as plan
    from reelmend.pipelines.api.runs import read_ledger as read_ledger
    from reelmend.pipelines.api.runs import run_job as run_job
    from reelmend.pipelines.api.video import VideoResult as VideoResult
    from reelmend.pipelines.api.video import restore_video as restore_video
    from reelmend.pipelines.config import JobConfig as JobConfig
    from reelmend.pipelines.engines.base import EngineSpec as EngineSpec
    from reelmend.pipelines.engines.registry import register_engine as register_engine
    from reelmend.pipelines.errors import ArrayError as ArrayError
    from reelmend.pipelines.errors import ConfigError as ConfigError
    from reelmend.pipelines.errors import ItemError as ItemError
    from reelmend.pipelines.errors import MaskError as MaskError
    from reelmend.pipelines.errors import MediaError as MediaError
    from reelmend.pipelines.errors import MemoryShort as MemoryShort
    from reelmend.pipelines.errors import ReelmendError as ReelmendError
    from reelmend.pipelines.errors import SetupError as SetupError
    from reelmend.pipelines.errors import StoreAway as StoreAway
    from reelmend.pipelines.errors import TransientError as TransientError
    from reelmend.pipelines.observe.summary import RunSummary as RunSummary
    from reelmend.pipelines.storage.ledger import ItemRow as ItemRow
    from reelmend.pipelines.storage.ledger import ItemState as ItemState

    __version__: str

_API, _ERRORS, _LEDGER = "reelmend.pipelines.api", "reelmend.pipelines.errors", "reelmend.pipelines.storage.ledger"
_HOMES = {
    "ArrayError": _ERRORS,
    "ConfigError": _ERRORS,
    "Engine": "reelmend.core_model.engine",
    "EngineSpec": "reelmend.pipelines.engines.base",
    "ItemError": _ERRORS,
    "ItemRow": _LEDGER,
    "ItemState": _LEDGER,
    "JobConfig": "reelmend.pipelines.config",
    "MaskError": _ERRORS,
    "MediaError": _ERRORS,
    "MemoryShort": _ERRORS,
    "Plan": f"{_API}.runs",
    "ProgressUpdate": f"{_API}.progress",
    "ReelmendError": _ERRORS,
    "RunSummary": "reelmend.pipelines.observe.summary",
    "SetupError": _ERRORS,
    "StoreAway": _ERRORS,
    "TransientError": _ERRORS,
    "VideoResult": f"{_API}.video",
    "load_job": f"{_API}.runs",
    "plan": f"{_API}.runs",
    "read_ledger": f"{_API}.runs",
    "register_engine": "reelmend.pipelines.engines.registry",
    "restore": f"{_API}.arrays",
    "restore_video": f"{_API}.video",
    "run_job": f"{_API}.runs",
}
"""The module that each public name is loaded from."""

__all__ = [
    "ArrayError",
    "ConfigError",
    "Engine",
    "EngineSpec",
    "ItemError",
    "ItemRow",
    "ItemState",
    "JobConfig",
    "MaskError",
    "MediaError",
    "MemoryShort",
    "Plan",
    "ProgressUpdate",
    "ReelmendError",
    "RunSummary",
    "SetupError",
    "StoreAway",
    "TransientError",
    "VideoResult",
    "__version__",
    "load_job",
    "plan",
    "read_ledger",
    "register_engine",
    "restore",
    "restore_video",
    "run_job",
]


def __getattr__(name: str) -> Any:
    """Load a public name and keep it (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("reelmend")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; public are {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
